"""Keys and values of rows that a model has seen, so that the next row need not compute them again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hornbook.backend.types import Array
from hornbook.errors import ContextLengthError, ShapeError

__all__ = ["KVCache", "LayerCache"]


@dataclass(frozen=True)
class LayerCache:
    """One layer's keys and values.

    Attributes:
        keys: `[B, KV, capacity, D]`.
        values: `[B, KV, capacity, D]`.
        lengths: how many rows of each sequence are filled, `[B]`; shared by all layers.
    """

    keys: Array
    values: Array
    lengths: Array

    def append(self, sequence: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Writes new rows `[KV, T, D]` after the filled ones and returns all rows, `[KV, S, D]`.

        Raises:
            ContextLengthError: there is no room for them.
        """
        begin = int(self.lengths[sequence])
        end = begin + keys.shape[1]
        _check_room(end, self.keys.shape[2])
        self.keys[sequence, :, begin:end] = keys
        self.values[sequence, :, begin:end] = values
        return self.keys[sequence, :, :end], self.values[sequence, :, :end]


class KVCache:
    """The caches of all layers for B sequences.

    A step writes the same rows in every layer, and then calls `advance` once.

    Attributes:
        capacity: the most rows of a sequence.
        lengths: how many rows of each sequence are filled, int32 `[B]`.
        layers: the cache of each layer.
    """

    block_rows = 1
    """Rows that share an index of the third axis of `LayerCache.keys`."""

    def __init__(self, n_layer: int, n_sequences: int, n_kv_head: int, head_size: int, capacity: int) -> None:
        """Reserves room for `capacity` rows of each sequence; memory is used as rows come."""
        self.capacity = capacity
        self.lengths: Array = np.zeros(n_sequences, np.int32)
        self.layers = [self._new_layer(n_sequences, n_kv_head, head_size) for _ in range(n_layer)]

    def _new_layer(self, n_sequences: int, n_kv_head: int, head_size: int) -> LayerCache:
        shape = (n_sequences, n_kv_head, self.capacity, head_size)
        return LayerCache(np.empty(shape, np.float32), np.empty(shape, np.float32), self.lengths)

    def check_room(self, counts: Array) -> None:
        """Raises ContextLengthError if `counts` `[B]` more rows do not fit."""
        _check_room(int(np.max(self.lengths + counts, initial=0)), self.capacity)

    def advance(self, counts: Array) -> None:
        """Counts the rows just written, `[B]`, as filled."""
        self.lengths += counts.astype(np.int32)

    def reset(self, sequences: Sequence[int] | Array | None = None) -> None:
        """Makes these sequences empty, or all of them.

        Raises:
            ShapeError: a sequence does not exist.
        """
        self.lengths[slice(None) if sequences is None else self._checked(sequences)] = 0

    def copy(self, source: int, target: int) -> None:
        """Makes sequence `target` the same as `source`: one prompt is read once for several texts.

        Raises:
            ShapeError: a sequence does not exist.
        """
        source, target = self._checked([source, target]).tolist()
        for rows in self._filled(int(self.lengths[source])):
            rows[target] = rows[source]
        self.lengths[target] = self.lengths[source]

    def reorder(self, indices: Sequence[int] | Array) -> None:
        """Makes sequence b what sequence `indices[b]` was, for every b: the survivors of a beam search.

        Raises:
            ShapeError: not one index for each sequence, or a sequence does not exist.
        """
        order = self._checked(indices)
        if len(order) != len(self.lengths):
            raise ShapeError(
                f"cache: reorder expects an index for each of {len(self.lengths)} sequences, got {len(order)}"
            )
        for rows in self._filled(int(np.max(self.lengths, initial=0))):
            rows[:] = rows[order]
        self.lengths[:] = self.lengths[order]

    def _filled(self, n_rows: int) -> Iterator[Array]:
        """The first rows of keys and of values in every layer."""
        n_blocks = -(-n_rows // self.block_rows)
        for layer in self.layers:
            yield layer.keys[:, :, :n_blocks]
            yield layer.values[:, :, :n_rows]

    def _checked(self, sequences: Sequence[int] | Array) -> Array:
        checked = np.asarray(sequences, np.intp)
        n = len(self.lengths)
        if checked.ndim != 1 or np.any((checked < 0) | (checked >= n)):
            raise ShapeError(f"cache: expected sequences in 0..{n - 1}, got {checked.tolist()!r:.60}")
        return checked


def _check_room(needed: int, capacity: int) -> None:
    if needed > capacity:
        raise ContextLengthError(
            f"cache: has room for {capacity} positions, {needed} are needed; "
            "make it larger or the text shorter"
        )
