"""Sets of characters as ranges of code points in hexadecimal: "41-5A 61-7A" has the letters of ASCII."""

from bisect import bisect_right
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["CodePoints"]


class CodePoints:
    """A set of code points.

    Args:
        ranges: such as "41-5A AA", in ascending order.

    Example:
        >>> ord("é") in CodePoints("41-5A C0-FF")
        True
    """

    def __init__(self, ranges: str) -> None:
        self._ranges = ranges

    def __contains__(self, code: int) -> bool:
        index = bisect_right(self._firsts, code) - 1
        return index >= 0 and code <= self._lasts[index]

    @cached_property
    def bounds(self) -> NDArray[np.int32]:
        """First and last code point of each range, int32 `[N, 2]`."""
        pairs = [item.partition("-") for item in self._ranges.split()]
        return np.array([(int(first, 16), int(last or first, 16)) for first, _, last in pairs], np.int32)

    @cached_property
    def _firsts(self) -> list[int]:
        return list(map(int, self.bounds[:, 0]))

    @cached_property
    def _lasts(self) -> list[int]:
        return list(map(int, self.bounds[:, 1]))
