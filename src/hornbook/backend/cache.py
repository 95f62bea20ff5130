"""Keys and values of rows that a model has seen, so that the next row need not compute them again."""

from dataclasses import dataclass

import numpy as np

from hornbook.backend.types import Array
from hornbook.errors import ContextLengthError

__all__ = ["KVCache", "LayerCache"]


@dataclass(frozen=True)
class LayerCache:
    """One layer's keys and values.

    Attributes:
        keys: `[B, H, capacity, D]`.
        values: `[B, H, capacity, D]`.
        lengths: how many rows of each sequence are filled, `[B]`; shared by all layers.
    """

    keys: Array
    values: Array
    lengths: Array

    def append(self, sequence: int, keys: Array, values: Array) -> tuple[Array, Array]:
        """Writes new rows `[H, T, D]` behind the filled ones and returns all rows, `[H, S, D]`.

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
    """The caches of all layers. A step fills every layer at the same place, then calls `advance` once."""

    def __init__(self, n_layer: int, n_sequences: int, n_head: int, head_size: int, capacity: int) -> None:
        """Reserves room for `capacity` rows of each sequence; memory is used as rows come."""
        self.capacity = capacity
        self.lengths: Array = np.zeros(n_sequences, np.int32)
        self.layers = [self._new_layer(n_sequences, n_head, head_size) for _ in range(n_layer)]

    def _new_layer(self, n_sequences: int, n_head: int, head_size: int) -> LayerCache:
        shape = (n_sequences, n_head, self.capacity, head_size)
        return LayerCache(np.empty(shape, np.float32), np.empty(shape, np.float32), self.lengths)

    def check_room(self, counts: Array) -> None:
        """Raises ContextLengthError if `counts` `[B]` more rows do not fit."""
        _check_room(int(np.max(self.lengths + counts, initial=0)), self.capacity)

    def advance(self, counts: Array) -> None:
        """Counts the rows just written, `[B]`, as filled."""
        self.lengths += counts.astype(np.int32)


def _check_room(needed: int, capacity: int) -> None:
    if needed > capacity:
        raise ContextLengthError(
            f"cache: has room for {capacity} positions, {needed} are needed; "
            "make it larger or the text shorter"
        )
