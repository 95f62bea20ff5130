"""Layer normalisation."""

import numpy as np

from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["NormOps"]


class NormOps:
    """Normalisation of rows."""

    def layer_norm(self, x: Array, weight: Array, bias: Array | None = None, *, eps: float) -> Array:
        """(x - mean) / sqrt(var + eps) * weight + bias over the last axis; var is divided by C.

        Args:
            x: `[..., C]`.
            weight: `[C]`.
            bias: `[C]`, or None for zeros.
            eps: keeps the divisor away from zero; part of the model's configuration.

        Returns:
            `[..., C]`.

        Raises:
            ShapeError: weight or bias has another length than a row.

        Source: Ba, Kiros, Hinton, "Layer Normalization", 2016.
        """
        if x.ndim == 0 or any(x.shape[-1:] != y.shape for y in (weight, bias) if y is not None):
            shapes = " and ".join(str(y.shape) for y in (weight, bias) if y is not None)
            raise ShapeError(
                f"layer_norm: weight and bias, {shapes}, do not fit rows of x of shape {x.shape}"
            )
        normalised, _ = _normalise(x, eps)
        normalised *= weight
        if bias is not None:
            normalised += bias
        return normalised

    def layer_norm_backward(
        self, grad: Array, x: Array, weight: Array, *, eps: float
    ) -> tuple[Array, Array, Array]:
        """The gradients with respect to x, weight and bias."""
        normalised, inverse_std = _normalise(x, eps)
        dnormalised = grad * weight
        mean_d = np.mean(dnormalised, axis=-1, keepdims=True)
        mean_dn = np.mean(dnormalised * normalised, axis=-1, keepdims=True)
        rows = tuple(range(grad.ndim - 1))
        dx = (dnormalised - mean_d - normalised * mean_dn) * inverse_std
        return dx, np.sum(grad * normalised, axis=rows), np.sum(grad, axis=rows)


def _normalise(x: Array, eps: float) -> tuple[Array, Array]:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    inverse_std = 1 / np.sqrt(variance + eps)
    centred *= inverse_std
    return centred, inverse_std
