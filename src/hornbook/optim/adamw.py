"""AdamW over the parameters of a model."""

from collections.abc import Iterable
from math import sqrt

from hornbook.backend import get_backend
from hornbook.errors import ConfigError
from hornbook.nn import Parameter

__all__ = ["AdamW"]


class AdamW:
    """Adam with decoupled weight decay.

    Matrices and tables decay; biases and normalisations, which have one axis, do not.

    Args:
        parameters: what is learned.
        lr: learning rate; may be changed between steps.
        betas: how much of the running means of gradients and of their squares is kept.
        eps: keeps the division away from zero.
        weight_decay: pulls parameters to zero.

    Attributes:
        steps: how many were taken.

    Raises:
        ConfigError: lr, eps or weight_decay is negative or not a number, or a beta is not in [0, 1).

    Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019.

    Example:
        >>> from hornbook.nn import Linear
        >>> from hornbook.tensor import ones
        >>> layer = Linear(3, 1)
        >>> optimizer = AdamW(layer.parameters(), lr=0.1)
        >>> layer(ones(1, 3)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            if not value >= 0:
                raise ConfigError(f"{name}: expected 0 or more, got {value}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ConfigError(f"betas: expected two numbers from 0 to below 1, got {betas}")
        ops = get_backend()
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.steps = 0
        self.means = [ops.full(p.shape, 0, p.dtype) for p in self.parameters]
        self.squares = [ops.full(p.shape, 0, p.dtype) for p in self.parameters]

    def step(self, *, max_norm: float | None = None) -> float:
        """Moves every parameter that has a gradient.

        Args:
            max_norm: gradients are scaled down, all alike, until their joint norm is at most this.

        Returns:
            The norm of all gradients together, before scaling.

        Raises:
            ConfigError: max_norm is not positive.
        """
        if max_norm is not None and not max_norm > 0:
            raise ConfigError(f"max_norm: expected more than 0, got {max_norm}")
        ops = get_backend()
        norm = sqrt(sum(ops.squared_norm(p.grad) for p in self.parameters if p.grad is not None))
        scale = 1.0 if max_norm is None or norm <= max_norm else max_norm / norm
        self.steps += 1
        for parameter, mean, square in zip(self.parameters, self.means, self.squares, strict=True):
            if parameter.grad is not None:
                ops.adamw(
                    parameter.data,
                    parameter.grad,
                    mean,
                    square,
                    lr=self.lr,
                    betas=self.betas,
                    eps=self.eps,
                    weight_decay=self.weight_decay if parameter.ndim > 1 else 0.0,
                    step=self.steps,
                    grad_scale=scale,
                )
        return norm

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self.parameters:
            parameter.grad = None
