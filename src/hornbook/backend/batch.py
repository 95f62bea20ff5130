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
        positions: the position of each token in its own sequence, int32 `[N]`.
        offsets: where each sequence begins, and the end, int32 `[B+1]`.
        token_types: which part of a pair each token belongs to, int32 `[N]`; None where models know no types.
    """

    ids: Array
    positions: Array
    offsets: Array
    token_types: Array | None = None

    @classmethod
    def from_offsets(
        cls, ids: Any, offsets: Any, *, starts: Array | None = None, token_types: Any = None
    ) -> "PackedBatch":
        """Takes sequences that are packed already, as `Tokenizer.encode_batch` gives them.

        Args:
            ids: of all sequences, integers `[N]`.
            offsets: where each sequence begins, and the end, integers `[B+1]`.
            starts: the position of each sequence's first token, `[B]`; 0 without it.
            token_types: which part of a pair each token belongs to, integers `[N]`, 0 or more.

        Raises:
            ShapeError: ids or token_types are not a row of integers of the same length, offsets do not rise
                from 0 to N, or `starts` are not one for each sequence, 0 or more.
        """
        ids, offsets = as_ids(ids, ndims=(1,)), as_ids(offsets, ndims=(1,))
        check_offsets("from_offsets", offsets, len(ids))
        begins = offsets[:-1] if starts is None else offsets[:-1] - _checked_starts(starts, len(offsets) - 1)
        positions = np.arange(len(ids), dtype=np.int32) - np.repeat(begins, np.diff(offsets))
        return cls(ids, positions, offsets, None if token_types is None else _checked_types(token_types, ids))

    @classmethod
    def pack(cls, sequences: Iterable[Any], starts: Array | None = None) -> "PackedBatch":
        """Packs sequences of ids, which begin at positions `starts` (0 without it); see `from_offsets`.

        Raises:
            ShapeError: a sequence is not a row of integers, or `starts` are not one for each, 0 or more.
        """
        rows = [as_ids(sequence, ndims=(1,)) for sequence in sequences]
        ids = np.concatenate([*rows, np.empty(0, np.int32)])
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return cls.from_offsets(ids, offsets, starts=starts)

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
        """Packs ids of shape `[T]` or `[B, T]`; also returns that shape."""
        array = as_ids(ids)
        return cls.pack(array if array.ndim == 2 else [array]), array.shape

    @property
    def n_positions(self) -> int:
        """One more than the largest position."""
        return int(self.positions.max(initial=-1)) + 1

    @property
    def next_ids(self) -> Array:
        """What a language model should predict at each token: the next id; -1 at the end of a sequence."""
        following = np.append(self.ids[1:], np.int32(-1))[: len(self.ids)]
        following[self.offsets[1:][self.lengths > 0] - 1] = -1
        return following

    @property
    def lengths(self) -> Array:
        """The number of tokens of each sequence, int32 `[B]`."""
        return np.diff(self.offsets)

    def last_rows(self, padding_id: int | None = None) -> Array:
        """The row of each sequence's last token, int32 `[B]`.

        Args:
            padding_id: a token that does not count; of a sequence that has no other, the first row is taken.

        Raises:
            ShapeError: a sequence is empty.
        """
        begins = self.offsets[:-1]
        if not self.lengths.all():
            raise ShapeError("last_rows: a sequence is empty; begin with the end-of-text token")
        if padding_id is None or not len(begins):
            return self.offsets[1:] - 1
        rows = np.where(self.ids == padding_id, -1, np.arange(len(self.ids), dtype=np.int32))
        return np.maximum(np.maximum.reduceat(rows, begins), begins)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def spans(operation: str, offsets: Array, n_rows: int) -> list[tuple[int, int]]:
    """Where each sequence begins and ends in packed rows; raises as `check_offsets`."""
    check_offsets(operation, offsets, n_rows)
    return list(pairwise(offsets.tolist()))


def check_offsets(operation: str, offsets: Array, n_rows: int) -> None:
    """Checks that every row belongs to exactly one sequence.

    Raises:
        ShapeError: offsets do not rise from 0 to n_rows, so that rows would be lost or counted twice.
    """
    if len(offsets) and offsets[0] == 0 and offsets[-1] == n_rows and not np.any(offsets[1:] < offsets[:-1]):
        return
    raise ShapeError(
        f"{operation}: offsets must rise from 0 to the number of rows, {n_rows}, "
        f"got {reprlib.repr(offsets.tolist())}"
    )


def _checked_starts(starts: Array, n_sequences: int) -> Array:
    if len(starts) != n_sequences or np.min(starts, initial=0) < 0:
        raise ShapeError(
            f"starts: expected a start of 0 or more for {n_sequences} sequences, "
            f"got {reprlib.repr(list(starts))}"
        )
    return as_ids(starts, ndims=(1,))


def _checked_types(token_types: Any, ids: Array) -> Array:
    checked = as_ids(token_types, ndims=(1,))
    if checked.shape != ids.shape or np.min(checked, initial=0) < 0:
        raise ShapeError(
            f"token_types: expected one of 0 or more for each of {len(ids)} ids, "
            f"got shape {checked.shape} from {np.min(checked, initial=0)}"
        )
    return checked


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
