"""Converts between bfloat16, which NumPy does not have, and float32.

A bfloat16 is the upper half of a float32: sign, 8 bits of exponent, 7 bits of fraction. It travels as uint16.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bfloat16_to_float32", "float32_to_bfloat16"]

QUIET_BIT = np.uint16(0x0040)
"""The first bit of the fraction: set in a NaN, so that cutting its lower bits cannot leave an infinity."""


def bfloat16_to_float32(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Widens exactly: every bfloat16 is a float32.

    Args:
        bits: uint16 of any shape, each the bits of a bfloat16.

    Returns:
        float32 of the same shape, in memory of its own.
    """
    wide: NDArray[np.uint32] = np.left_shift(bits, np.uint32(16), dtype=np.uint32)
    return np.asarray(wide).view(np.float32)


def float32_to_bfloat16(values: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Rounds to the nearest bfloat16, ties to the even one; NaN stays NaN and keeps its sign.

    Beyond the largest bfloat16 (about 3.39e38) the nearest is infinity.
    Other floating types pass through float32.

    Args:
        values: floating-point array of any shape.

    Returns:
        uint16 of the same shape, each the bits of a bfloat16.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).reshape(np.shape(values))
    upper = (bits >> np.uint32(16)).astype(np.uint16)
    # Half of the last bit that is kept, less one if that bit is 0: ties go to the even neighbour.
    half = np.uint32(0x7FFF) + (upper & np.uint16(1))
    rounded = ((bits + half) >> np.uint32(16)).astype(np.uint16)
    return np.where(np.isnan(values), upper | QUIET_BIT, rounded)
