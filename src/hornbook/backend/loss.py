"""Cross-entropy straight from hidden states, a block of rows at a time.

The logits of a batch are N x V numbers, far more than anything else in a training step. Here only one block
of them exists at a time: the forward pass keeps one loss for each row, and the backward pass computes each
block of logits again.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hornbook.backend.linear import LinearOps
from hornbook.backend.packing import Packed
from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["LossOps"]

BLOCK_LOGITS = 1 << 22  # 16 MiB of float32: small beside the weights, large enough for the matrix product


class LossOps(LinearOps):
    """Losses over a vocabulary."""

    def cross_entropy(self, x: Array, table: Array | Packed, targets: Array) -> Array:
        """log sum_v e^(x . table[v]) - x . table[target], for every row.

        Args:
            x: hidden states `[N, C]`.
            table: output embedding `[V, C]`, an array or from `pack_table`.
            targets: ids `[N]`; a negative target marks a row that does not count, its loss is 0.

        Returns:
            Losses in nats, `[N]`.

        Raises:
            ShapeError: x, table and targets do not fit together, or a target is not below V.
        """
        _check_fit(x, table, targets)
        losses = np.zeros(len(x), x.dtype)
        for rows in _blocks(len(x), table.shape[0]):
            logits = self.unembed(x[rows], table)
            counted = np.flatnonzero(targets[rows] >= 0)
            chosen = logits[counted, targets[rows][counted]]
            losses[rows][counted] = _log_sum_exp(logits[counted]) - chosen
        return losses

    def cross_entropy_backward(
        self, grad: Array, x: Array, table: Array, targets: Array
    ) -> tuple[Array, Array]:
        """The gradients with respect to x and table, for `grad` `[N]` of the losses."""
        dx, dtable = np.empty_like(x), np.zeros_like(table)
        for rows in _blocks(len(x), len(table)):
            logits = self.unembed(x[rows], table)
            dlogits = np.exp(logits - _log_sum_exp(logits)[:, None])
            counted = np.flatnonzero(targets[rows] >= 0)
            dlogits[counted, targets[rows][counted]] -= 1
            dlogits *= np.where(targets[rows] >= 0, grad[rows], 0)[:, None]
            dx[rows] = dlogits @ table
            dtable += dlogits.T @ x[rows]
        return dx, dtable

    def target_weights(self, targets: Array, dtype: Any = np.float32) -> Array:
        """The weights that make a sum of losses their mean: 1/n for each of the n rows that count, `[N]`.

        Rows with a negative target, which do not count, get 0; so do all where none counts.
        """
        counted = np.asarray(targets >= 0, dtype)
        return counted / max(1, int(np.sum(counted)))

    def cross_entropy_with_gradients(
        self, x: Array, table: Array, targets: Array, weights: Array
    ) -> tuple[Array, Array, Array]:
        """The weighted sum of losses, and its gradients with respect to x and table, together.

        A backend may compute each block of logits once for both.

        Args:
            x: as for `cross_entropy`.
            table: as for `cross_entropy`.
            targets: as for `cross_entropy`.
            weights: of the losses, `[N]`; see `target_weights`.
        """
        losses = self.cross_entropy(x, table, targets)
        return np.sum(losses * weights), *self.cross_entropy_backward(weights, x, table, targets)


def _check_fit(x: Array, table: Array | Packed, targets: Array) -> None:
    if x.ndim != 2 or len(table.shape) != 2 or x.shape[1] != table.shape[1] or targets.shape != x.shape[:1]:
        raise ShapeError(
            "cross_entropy: expected x [N, C], table [V, C] and targets [N], "
            f"got shapes {x.shape}, {table.shape} and {targets.shape}"
        )
    if targets.dtype.kind not in "iu" or np.max(targets, initial=-1) >= table.shape[0]:
        raise ShapeError(
            f"cross_entropy: targets must be integers below {table.shape[0]}, "
            f"got {targets.dtype} up to {np.max(targets, initial=-1)}"
        )


def _blocks(n_rows: int, vocabulary: int) -> Iterator[slice]:
    height = max(1, BLOCK_LOGITS // max(1, vocabulary))
    return (slice(begin, min(begin + height, n_rows)) for begin in range(0, n_rows, height))


def _log_sum_exp(logits: Array) -> Array:
    largest = np.max(logits, axis=-1, initial=-np.inf)
    return np.asarray(largest + np.log(np.sum(np.exp(logits - largest[:, None]), axis=-1)))
