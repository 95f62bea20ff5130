"""Rows of a table, and sums of rows: embedding and pooling."""

from typing import Any

import numpy as np

from hornbook.backend.batch import spans
from hornbook.backend.packing import Packed, PackingOps
from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["LookupOps", "check_ids"]


class LookupOps(PackingOps):
    """Gathering rows by id and summing them by segment."""

    def embedding(self, table: Array | Packed, ids: Array) -> Array:
        """Row `ids[n]` of the table for every n: `[V, C], [...] -> [..., C]`.

        The table is an array or from `pack_table`.

        Raises:
            ShapeError: ids are not integers, or one is not in 0 .. V-1.
        """
        check_ids(ids, table.shape[0])
        return self.unpack(table)[ids]

    def embedding_backward(self, grad: Array, ids: Array, n_rows: int) -> Array:
        """Adds each row of grad to row `ids[n]` of a table of zeros, in the order of n."""
        result = np.zeros((n_rows, grad.shape[-1]), grad.dtype)
        np.add.at(result, ids.reshape(-1), grad.reshape(-1, grad.shape[-1]))
        return result

    def segment_sum(self, x: Array, offsets: Array, weights: Array | None = None) -> Array:
        """Weighted sums of neighbouring rows: pooling of every kind.

        Args:
            x: `[N, C]`.
            offsets: `[B+1]`; segment b is the rows `offsets[b]` to `offsets[b+1]`.
            weights: `[N]`, or None for ones. Those of `segment_weights` give the mean.

        Returns:
            `[B, C]`; an empty segment gives zeros.

        Raises:
            ShapeError: offsets do not rise from 0 to N.
        """
        weighted = x if weights is None else x * weights[:, None]
        result = np.zeros((len(offsets) - 1, x.shape[1]), x.dtype)
        for row, (begin, end) in enumerate(spans("segment_sum", offsets, len(x))):
            np.sum(weighted[begin:end], axis=0, out=result[row])
        return result

    def segments(self, offsets: Array, n_rows: int) -> list[tuple[int, int]]:
        """Where each segment of n_rows rows begins and ends, as Python's integers.

        Raises:
            ShapeError: offsets do not rise from 0 to n_rows.
        """
        return spans("segments", offsets, n_rows)

    def segment_weights(self, offsets: Array, dtype: Any = np.float32) -> Array:
        """The weights that make `segment_sum` a mean: 1/T for each of the T rows of a segment, `[N]`."""
        lengths = np.diff(offsets)
        return np.repeat(1 / np.maximum(lengths, 1), lengths).astype(dtype)

    def segment_sum_backward(self, grad: Array, offsets: Array, weights: Array | None = None) -> Array:
        """The gradient with respect to x: each row gets its segment's gradient, times its weight."""
        rows = np.repeat(grad, np.diff(offsets), axis=0)
        return rows if weights is None else rows * weights[:, None]


def check_ids(ids: Array, n_rows: int) -> None:
    """Raises ShapeError for ids that are no rows of a table of `n_rows`."""
    if ids.dtype.kind not in "iu":
        raise ShapeError(f"embedding: ids must be integers, got {ids.dtype}")
    if ids.size and (ids.min() < 0 or ids.max() >= n_rows):
        worst = int(ids.min()) if ids.min() < 0 else int(ids.max())
        raise ShapeError(
            f"embedding: ids must be in 0..{n_rows - 1}, got {worst}; do tokenizer and model belong together?"
        )
