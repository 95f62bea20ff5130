"""Finding NaN and infinity, with NumPy's test of every number as the oracle."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from hornbook.hub import first_nonfinite
from hornbook.hub.nonfinite import BLOCK

LARGEST = np.finfo(np.float32).max


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 7, BLOCK - 1, BLOCK, BLOCK + 12])
def test_one_number_of_many(dtype: Any, value: float, position: int) -> None:
    array = np.ones(BLOCK + 13, dtype)
    assert first_nonfinite({"w": array}) is None
    array[position] = value
    assert first_nonfinite({"v": np.ones(3), "w": array, "x": array}) == "w"


def test_infinities_that_cancel() -> None:
    assert first_nonfinite({"w": np.array([np.inf, -np.inf, 1], np.float32)}) == "w"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sums_that_overflow_are_no_infinity(dtype: Any) -> None:
    """Every number is finite, only their sum is not."""
    array = np.full(1009, np.finfo(dtype).max, dtype)
    assert first_nonfinite({"w": array}) is None
    array[1003] = np.nan
    assert first_nonfinite({"w": array}) == "w"


def test_types_and_shapes() -> None:
    tensors: dict[str, Any] = {
        "empty": np.empty((0, 3), np.float32),
        "scalar": np.array(LARGEST),
        "integers": np.array([np.iinfo(np.int64).max] * 3),
        "bools": np.array([True]),
        "transposed": np.ones((3, 5)).T[::2],
    }
    assert first_nonfinite({}) is None
    assert first_nonfinite(tensors) is None
    assert first_nonfinite(tensors | {"scalar": np.array(np.nan)}) == "scalar"
    strided = np.ones((3, 5))
    strided[1, 4] = np.inf
    assert first_nonfinite({"w": strided.T}) == "w"
    assert first_nonfinite({"w": strided.T[:4]}) is None


@given(arrays_of.arrays(np.float32, st.integers(0, 31), elements=st.floats(width=32)))
def test_any_numbers(array: Any) -> None:
    assert (first_nonfinite({"w": array}) is None) == bool(np.isfinite(array).all())
