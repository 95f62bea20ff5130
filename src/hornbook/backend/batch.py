"""Packed batches: sequences one after the other, without padding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["PackedBatch"]


@dataclass(frozen=True)
class PackedBatch:
    """B sequences with N tokens in all.

    Attributes:
        ids: int32 `[N]`.
        positions: each token's place in its own sequence, int32 `[N]`.
        offsets: where each sequence begins, and the end, int32 `[B+1]`.
        n_positions: the number of positions that the furthest token needs.
    """

    ids: Array
    positions: Array
    offsets: Array
    n_positions: int

    @classmethod
    def pack(cls, sequences: Iterable[Any], starts: Array | None = None) -> "PackedBatch":
        """Packs sequences of ids; sequence b begins at position `starts[b]` (0 without it)."""
        rows = [as_ids(sequence, ndims=(1,)) for sequence in sequences]
        lengths = [len(row) for row in rows]
        begins = [0] * len(rows) if starts is None else [int(start) for start in starts]
        spans = [np.arange(begin, begin + n) for begin, n in zip(begins, lengths, strict=True)]
        return cls(
            ids=np.concatenate([*rows, np.empty(0, np.int32)]).astype(np.int32),
            positions=np.concatenate([*spans, np.empty(0, np.int32)]).astype(np.int32),
            offsets=np.cumsum([0, *lengths], dtype=np.int32),
            n_positions=max((begin + n for begin, n in zip(begins, lengths, strict=True)), default=0),
        )

    @classmethod
    def from_ids(cls, ids: Any) -> tuple["PackedBatch", tuple[int, ...]]:
        """Packs `[T]` or `[B, T]`, the shapes of the textbooks; also returns that shape."""
        array = as_ids(ids)
        return cls.pack(array if array.ndim == 2 else [array]), array.shape

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


def as_ids(values: Sequence[int] | Array, ndims: tuple[int, ...] = (1, 2)) -> Array:
    """Checks that `values` are integers with one of the numbers of axes in `ndims`.

    Raises:
        ShapeError: not integers, not rectangular, or another number of axes.
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
    return ids
