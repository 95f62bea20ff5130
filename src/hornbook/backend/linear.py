"""The matrix product, fused with bias, activation and residual as in a transformer."""

from math import prod

import numpy as np

from hornbook.backend.activation import ActivationOps
from hornbook.backend.packing import Packed, PackingOps
from hornbook.backend.types import Activation, Array
from hornbook.errors import ShapeError

__all__ = ["LinearOps", "as_rows"]


class LinearOps(ActivationOps, PackingOps):
    """Fully connected layers."""

    def linear(
        self,
        x: Array,
        weight: Array | Packed,
        bias: Array | None = None,
        residual: Array | None = None,
        *,
        activation: Activation = "none",
    ) -> Array:
        """activation(x W + b) + residual.

        Args:
            x: `[..., K]`.
            weight: `[K, M]`, input features first, as GPT-2 stores them; an array or from `pack`.
            bias: `[M]`.
            residual: `[..., M]`, added last.
            activation: applied before the residual is added.

        Returns:
            `[..., M]`.

        Raises:
            ShapeError: x has not as many features as weight has rows, or bias or residual another shape.
        """
        _check_fit(x, weight, bias, residual)
        y = np.matmul(x, self.unpack(weight))
        if bias is not None:
            y += bias
        if activation != "none":
            y = self.activation(y, kind=activation)
        if residual is not None:
            y += residual
        return y

    def linear_backward(self, grad: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
        """The gradients of x W + b with respect to x, W and b."""
        rows, grads = as_rows(x), as_rows(grad)
        return np.matmul(grad, weight.T), np.matmul(rows.T, grads), np.sum(grads, axis=0)

    def unembed(self, x: Array, table: Array | Packed) -> Array:
        """x T^T: how well each row of x fits each row of a table, `[N, C], [V, C] -> [N, V]`.

        The way back from hidden states to the vocabulary. The table is an array or from `pack_table`.

        Raises:
            ShapeError: rows of another length.
        """
        if x.ndim == 0 or x.shape[-1] != table.shape[1]:
            raise ShapeError(
                f"unembed: the table has rows of {table.shape[1]} features, got x of shape {x.shape}"
            )
        return np.matmul(x, self.unpack(table).T)

    def unembed_backward(self, grad: Array, x: Array, table: Array) -> tuple[Array, Array]:
        """The gradients with respect to x and the table."""
        rows, grads = as_rows(x), as_rows(grad)
        return np.matmul(grad, table), np.matmul(grads.T, rows)


def as_rows(x: Array) -> Array:
    """`[..., C] -> [N, C]`, also where C is 0."""
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _check_fit(x: Array, weight: Array | Packed, bias: Array | None, residual: Array | None) -> None:
    n_inputs, n_outputs = weight.shape
    if x.ndim == 0 or x.shape[-1] != n_inputs:
        raise ShapeError(
            f"linear: weight expects {n_inputs} input features, got x of shape {x.shape}; "
            "does n_embd match the checkpoint?"
        )
    if bias is not None and bias.shape != (n_outputs,):
        raise ShapeError(f"linear: expected a bias of shape {(n_outputs,)}, got {bias.shape}")
    if residual is not None and residual.shape != (*x.shape[:-1], n_outputs):
        raise ShapeError(
            f"linear: expected a residual of shape {(*x.shape[:-1], n_outputs)}, got {residual.shape}"
        )
