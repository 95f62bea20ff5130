"""Finds numbers that are not finite in tensors, at the speed of reading them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["first_nonfinite"]

BLOCK = 1 << 16
"""Elements that are looked at one by one at a time: what that needs stays in the caches."""


def first_nonfinite(tensors: Mapping[str, NDArray[Any]]) -> str | None:
    """The name of the first tensor that holds NaN or infinity; None where all numbers are finite.

    A sum is finite only if all its terms are, and takes no longer than reading them. One that is not finite
    may also have overflowed: then every number is looked at. 500 MB of float32 take about 0.05 s.

    Args:
        tensors: arrays of any type and shape, by name; each is asked for once.
    """
    return next((name for name, array in tensors.items() if not _is_finite(np.asarray(array))), None)


def _is_finite(array: NDArray[Any]) -> bool:
    if not np.issubdtype(array.dtype, np.inexact):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype != np.float16 and np.isfinite(array.sum()):
            return True
    flat = array.reshape(-1)
    return all(np.isfinite(flat[begin : begin + BLOCK]).all() for begin in range(0, flat.size, BLOCK))
