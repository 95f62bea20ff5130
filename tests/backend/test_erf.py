"""The error function against the C library's."""

import math

import numpy as np
import pytest

from hornbook.backend.erf import SATURATED, SPLIT, erf

LINE = np.linspace(-7, 7, 20011)
JOINTS = [edge * (1 + step) for edge in (SPLIT, SATURATED) for step in (-1e-15, 0, 1e-15)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_right_to_a_few_roundings(dtype: str) -> None:
    x = np.concatenate([LINE, JOINTS, np.negative(JOINTS), [0, 1e-30, -1e-30, 1e4, -1e4]]).astype(dtype)
    expected = np.array([math.erf(value) for value in x.tolist()])
    assert erf(x).dtype == dtype
    np.testing.assert_allclose(erf(x), expected, rtol=0, atol=4 * float(np.finfo(dtype).eps))


def test_small_values_keep_their_digits() -> None:
    x = np.geomspace(1e-300, SPLIT, 1009)
    np.testing.assert_allclose(erf(x), [math.erf(value) for value in x], rtol=4 * float(np.finfo(float).eps))


def test_it_is_odd_to_the_bit() -> None:
    np.testing.assert_array_equal(erf(-LINE), -erf(LINE))
    assert np.signbit(erf(np.array([-0.0]))).all()


def test_edges() -> None:
    np.testing.assert_array_equal(erf(np.array([np.inf, -np.inf, np.nan])), [1, -1, np.nan])
    assert erf(np.empty((0, 3))).shape == (0, 3)
    assert erf(np.array(0.5, "float32")).shape == ()
