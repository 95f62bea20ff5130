"""One step of an optimiser, in place."""

import numpy as np

from hornbook.backend.types import Array

__all__ = ["OptimizerOps"]


class OptimizerOps:
    """Updates of parameters."""

    def adamw(
        self,
        parameter: Array,
        grad: Array,
        m: Array,
        v: Array,
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        step: int,
        grad_scale: float = 1.0,
    ) -> None:
        """One step of AdamW; parameter, m and v are changed.

            g = grad_scale * grad
            m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
            parameter -= lr (m / (1 - b1^step) / (sqrt(v / (1 - b2^step)) + eps) + weight_decay * parameter)

        Args:
            parameter: any shape.
            grad: its gradient.
            m: mean of gradients, zeros at first.
            v: mean of their squares, zeros at first.
            lr: learning rate.
            betas: how much of m and v is kept.
            eps: keeps the divisor away from zero.
            weight_decay: pulls the parameter to zero, apart from the gradient.
            step: counts from 1.
            grad_scale: for clipping, without another pass over the gradient.

        Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019.
        """
        beta1, beta2 = betas
        scaled = grad * parameter.dtype.type(grad_scale)
        m += (1 - beta1) * (scaled - m)
        v += (1 - beta2) * (scaled * scaled - v)
        root = np.sqrt(v / (1 - beta2**step)) + eps
        parameter *= 1 - lr * weight_decay
        parameter -= lr / (1 - beta1**step) * m / root

    def squared_norm(self, x: Array) -> float:
        """The sum of squares of all elements, in float64."""
        flat = x.reshape(-1)
        return float(np.dot(flat.astype(np.float64), flat))
