"""Packed batches: sequences one after the other, without padding."""

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["PackedBatch"]

MAX_ID = 2**31 - 1  # ids are int32


@dataclass(frozen=True)
class PackedBatch:
    """B sequences with N tokens in all.

    Attributes:
        ids: int32 `[N]`.
        positions: each token's place in its own sequence, int32 `[N]`.
        offsets: where each sequence begins, and the end, int32 `[B+1]`.
    """

    ids: Array
    positions: Array
    offsets: Array

    @classmethod
    def pack(cls, sequences: Iterable[Any], starts: Array | None = None) -> "PackedBatch":
        """Packs sequences of ids; sequence b begins at position `starts[b]` (0 without it).

        Raises:
            ShapeError: a sequence is not a row of integers, or `starts` are not one for each, 0 or more.
        """
        rows = [as_ids(sequence, ndims=(1,)) for sequence in sequences]
        lengths = [len(row) for row in rows]
        begins = [0] * len(rows) if starts is None else [int(start) for start in starts]
        if len(begins) != len(rows) or min(begins, default=0) < 0:
            raise ShapeError(f"pack: expected a start of 0 or more for {len(rows)} sequences, got {begins}")
        places = [np.arange(begin, begin + n) for begin, n in zip(begins, lengths, strict=True)]
        return cls(
            ids=np.concatenate([*rows, np.empty(0, np.int32)]),
            positions=np.concatenate([*places, np.empty(0, np.int32)]).astype(np.int32),
            offsets=np.cumsum([0, *lengths], dtype=np.int32),
        )

    @classmethod
    def step(cls, ids: Sequence[int], starts: Array) -> "PackedBatch":
        """One more token for each of B sequences that have `starts` `[B]` tokens: a step of decoding."""
        return cls(
            ids=np.array(ids, np.int32),
            positions=np.array(starts, np.int32),
            offsets=np.arange(len(ids) + 1, dtype=np.int32),
        )

    @classmethod
    def from_ids(cls, ids: Any) -> tuple["PackedBatch", tuple[int, ...]]:
        """Packs `[T]` or `[B, T]`, the shapes of the textbooks; also returns that shape."""
        array = as_ids(ids)
        return cls.pack(array if array.ndim == 2 else [array]), array.shape

    @property
    def n_positions(self) -> int:
        """The number of positions that the furthest token needs."""
        return int(self.positions.max(initial=-1)) + 1

    @property
    def next_ids(self) -> Array:
        """What a language model should say at each token: the next id; -1 at the end of a sequence."""
        following = np.append(self.ids[1:], np.int32(-1))[: len(self.ids)]
        following[self.offsets[1:][self.lengths > 0] - 1] = -1
        return following

    @property
    def lengths(self) -> Array:
        """The number of tokens of each sequence, int32 `[B]`."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def spans(operation: str, offsets: Array, n_rows: int) -> list[tuple[int, int]]:
    """Where each sequence begins and ends in packed rows.

    Raises:
        ShapeError: offsets do not rise from 0 to n_rows, so that rows would be lost or counted twice.
    """
    bounds = offsets.tolist()
    if not bounds or bounds[0] != 0 or bounds[-1] != n_rows or bounds != sorted(bounds):
        raise ShapeError(
            f"{operation}: offsets must rise from 0 to the number of rows, {n_rows}, "
            f"got {reprlib.repr(bounds)}"
        )
    return list(pairwise(bounds))


def as_ids(values: Sequence[int] | Array, ndims: tuple[int, ...] = (1, 2)) -> Array:
    """The `values` as int32, checked to have one of the numbers of axes in `ndims`.

    Raises:
        ShapeError: not integers, too large for int32, not rectangular, or another number of axes.
    """
    try:
        ids = np.asarray(values)
    except ValueError:
        raise ShapeError("ids: rows differ in length; use PackedBatch.pack for those") from None
    if ids.size == 0:
        ids = ids.astype(np.int32)
    if ids.dtype.kind not in "iu" or ids.ndim not in ndims:
        shapes = " or ".join(("[T]", "[B, T]")[n - 1] for n in ndims)
        raise ShapeError(f"ids: expected integers of shape {shapes}, got {ids.dtype} of shape {ids.shape}")
    if ids.size and max(abs(int(ids.min())), int(ids.max())) > MAX_ID:
        raise ShapeError(f"ids: must be at most {MAX_ID}, got {ids.min()} to {ids.max()}")
    return ids.astype(np.int32, copy=False)
