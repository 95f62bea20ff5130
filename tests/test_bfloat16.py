"""bfloat16 against the definition: the upper half of a float32, rounded to nearest, ties to even."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16

ALL_BITS = np.arange(2**16, dtype=np.uint16)


def float_of(bits: int) -> float:
    """The value of a bfloat16, through the bytes of a float32."""
    value: float = struct.unpack("<f", struct.pack("<I", bits << 16))[0]
    return value


def test_every_bfloat16_widens_exactly() -> None:
    wide = bfloat16_to_float32(ALL_BITS)
    assert wide.dtype == np.float32
    expected = np.array([float_of(bits) for bits in range(2**16)], np.float32)
    assert np.array_equal(wide, expected, equal_nan=True)


def test_every_bfloat16_comes_back() -> None:
    wide = bfloat16_to_float32(ALL_BITS)
    narrow = float32_to_bfloat16(wide)
    numbers = ~np.isnan(wide)
    assert np.array_equal(narrow[numbers], ALL_BITS[numbers])
    assert np.isnan(bfloat16_to_float32(narrow[~numbers])).all()
    assert np.array_equal(narrow[~numbers] >> 15, ALL_BITS[~numbers] >> 15)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**127), max_value=2.0**127))
def test_rounds_to_the_nearest_and_ties_to_even(value: float) -> None:
    (bits,) = float32_to_bfloat16(np.array([value], np.float32))
    magnitude = int(bits) & 0x7FFF
    distance = abs(Fraction(float_of(int(bits))) - Fraction(value))
    for neighbour in {max(magnitude - 1, 0), magnitude + 1} - {magnitude}:
        other = abs(Fraction(float_of(neighbour | (int(bits) & 0x8000))) - Fraction(value))
        assert distance < other or (distance == other and bits % 2 == 0)


def test_every_tie_goes_to_the_even_neighbour() -> None:
    below = np.concatenate([np.arange(0x7F7F), np.arange(0x8000, 0xFF7F)]).astype(np.uint32)
    halfway = ((below << 16) | 0x8000).view(np.float32)
    assert np.array_equal(float32_to_bfloat16(halfway), below + below % 2)


@pytest.mark.parametrize("bits", [0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000])
def test_nan_stays_nan_with_its_sign(bits: int) -> None:
    value = np.array([bits], np.uint32).view(np.float32)
    (narrow,) = float32_to_bfloat16(value)
    assert np.isnan(bfloat16_to_float32(np.array([narrow]))).all()
    assert narrow >> 15 == bits >> 31


def test_extremes() -> None:
    values = np.array([3.4028235e38, 3.38e38, np.inf, -np.inf, -0.0, 1e-45], np.float32)
    back = bfloat16_to_float32(float32_to_bfloat16(values))
    assert back.tolist()[0] == np.inf
    assert np.isfinite(back[1])
    assert back.tolist()[2:4] == [np.inf, -np.inf]
    assert np.signbit(back[4])
    assert back[5] == 0


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 5)])
def test_shapes_and_memory_orders(shape: tuple[int, ...]) -> None:
    values = np.ones(shape, np.float32, order="F")
    narrow = float32_to_bfloat16(values)
    assert narrow.shape == shape
    assert narrow.dtype == np.uint16
    wide = bfloat16_to_float32(narrow.T)
    assert wide.shape == shape[::-1]
    assert wide.dtype == np.float32
    assert (wide == 1).all()
