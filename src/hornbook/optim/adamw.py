"""AdamW over the parameters of a model."""

from collections.abc import Iterable, Mapping
from math import sqrt
from numbers import Real
from typing import Any

from hornbook.backend import Array, get_backend
from hornbook.errors import CheckpointError, ConfigError
from hornbook.nn import Parameter

__all__ = ["AdamW"]

NUMBERS = ("lr", "beta1", "beta2", "eps", "weight_decay", "steps")


class AdamW:
    """Adam with decoupled weight decay.

    Matrices and tables decay; biases and normalisations, which have one axis, do not.

    Args:
        parameters: what is learned; with their names, as `Module.named_parameters` gives them, its state has
            those names too, else they are numbered.
        lr: learning rate; may be changed between steps.
        betas: how much of the running means of gradients and of their squares is kept.
        eps: keeps the divisor away from zero.
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
        >>> optimizer = AdamW(layer.named_parameters(), lr=0.1)
        >>> layer(ones(1, 3)).sum().backward()
        >>> norm = optimizer.step()
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Iterable[tuple[str, Parameter]],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        _check_numbers(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        ops = get_backend()
        self._named: dict[str, Parameter] = dict(
            item if isinstance(item, tuple) else (str(i), item) for i, item in enumerate(parameters)
        )
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.steps = 0
        self._means = {name: ops.full(p.shape, 0, p.dtype) for name, p in self._named.items()}
        self._squares = {name: ops.full(p.shape, 0, p.dtype) for name, p in self._named.items()}

    @property
    def parameters(self) -> list[Parameter]:
        """What is learned."""
        return list(self._named.values())

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
        norm = sqrt(sum(ops.squared_norm(p.grad) for p in self._named.values() if p.grad is not None))
        scale = 1.0 if max_norm is None or norm <= max_norm else max_norm / norm
        self.steps += 1
        for name, parameter in self._named.items():
            if parameter.grad is not None:
                ops.adamw(
                    parameter.data,
                    parameter.grad,
                    self._means[name],
                    self._squares[name],
                    lr=self.lr,
                    betas=self.betas,
                    eps=self.eps,
                    weight_decay=self.weight_decay if parameter.ndim > 1 else 0.0,
                    step=self.steps,
                    grad_scale=scale,
                )
        return norm

    def zero_grad(self) -> None:
        """Removes all gradients."""
        for parameter in self._named.values():
            parameter.grad = None

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """All that the next step depends on, beside parameters and gradients.

        Returns:
            `numbers`: settings and steps, as what JSON can hold. `arrays`: running means of gradients
            (`means.<name>`) and of their squares (`squares.<name>`); not copies, so the next step changes
            them.
        """
        numbers = (self.lr, *self.betas, self.eps, self.weight_decay, self.steps)
        means = {f"means.{name}": array for name, array in self._means.items()}
        squares = {f"squares.{name}": array for name, array in self._squares.items()}
        return {"numbers": dict(zip(NUMBERS, numbers, strict=True)), "arrays": means | squares}

    def load_state_dict(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Goes on from what `state_dict` gave, to the bit. Arrays are copied.

        Raises:
            CheckpointError: an array is missing, unknown, or of another shape or type, or a number is missing
                or unknown; nothing was changed then.
            ConfigError: a number is out of range; nothing was changed then.
        """
        numbers, arrays, ops = state.get("numbers", {}), state.get("arrays", {}), get_backend()
        own = self.state_dict()["arrays"]
        _check_names("numbers", NUMBERS, numbers)
        _check_names("arrays", own, arrays)
        _check_arrays(own, arrays)
        settings = {name: numbers[name] for name in ("lr", "eps", "weight_decay")}
        betas = (numbers["beta1"], numbers["beta2"])
        _check_numbers(betas=betas, steps=numbers["steps"], **settings)
        self.lr, self.eps, self.weight_decay = settings.values()
        self.betas, self.steps = betas, numbers["steps"]
        self._means = {name: ops.copy(arrays[f"means.{name}"]) for name in self._named}
        self._squares = {name: ops.copy(arrays[f"squares.{name}"]) for name in self._named}


def _check_numbers(*, betas: tuple[float, float], **numbers: float) -> None:
    for name, value in numbers.items():
        if not isinstance(value, Real) or not float(value) >= 0:
            raise ConfigError(f"{name}: expected 0 or more, got {value}")
    if not all(0 <= beta < 1 for beta in betas):
        raise ConfigError(f"betas: expected two numbers from 0 to below 1, got {betas}")


def _check_names(kind: str, expected: Iterable[str], got: Iterable[str]) -> None:
    for problem, names in (("missing", {*expected} - {*got}), ("unknown", {*got} - {*expected})):
        if names:
            raise CheckpointError(
                f"AdamW: {len(names)} {kind} {problem}: {', '.join(sorted(names)[:5])}; of another model?"
            )


def _check_arrays(expected: Mapping[str, Array], got: Mapping[str, Array]) -> None:
    for name, array in expected.items():
        if (array.shape, array.dtype) != (got[name].shape, got[name].dtype):
            raise CheckpointError(
                f"AdamW: {name} expects {array.dtype} of shape {array.shape}, "
                f"got {got[name].dtype} of shape {got[name].shape}"
            )
