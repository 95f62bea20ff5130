"""Module: a layer, or layers inside of layers, with named parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

from hornbook.backend import Array, WeightType
from hornbook.errors import ShapeError
from hornbook.tensor import Tensor

__all__ = ["Module", "Parameter"]


class Parameter(Tensor):
    """A tensor that is learned."""

    __slots__ = ()

    def __init__(self, values: Any) -> None:
        super().__init__(values, requires_grad=True)


class Module:
    """Finds parameters in its attributes: its own, those of its layers, and of layers in lists.

    Names are the attributes' names joined with dots, `h.0.attn.c_attn.weight`, as in checkpoints.

    Attributes:
        training: whether layers such as Dropout act as in training.
    """

    training: bool = False

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """The layers directly inside, with their names."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                yield from (
                    (f"{name}.{i}", layer) for i, layer in enumerate(value) if isinstance(layer, Module)
                )

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, in the order of definition."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value
        for name, layer in self.children():
            yield from ((f"{name}.{inner}", parameter) for inner, parameter in layer.named_parameters())

    def parameters(self) -> list[Parameter]:
        """Every parameter, without names."""
        return [parameter for _, parameter in self.named_parameters()]

    def num_parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.size for parameter in self.parameters())

    def state_dict(self) -> dict[str, Array]:
        """The values of all parameters by name; not copies."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Takes over the arrays in `state` as they are.

        Raises:
            ShapeError: a parameter is missing, unknown or of another shape; nothing was changed then.
        """
        parameters = dict(self.named_parameters())
        for problem, names in (
            ("missing", parameters.keys() - state.keys()),
            ("unknown", state.keys() - parameters.keys()),
        ):
            if names:
                raise ShapeError(f"load_state_dict: {len(names)} {problem}: {', '.join(sorted(names)[:5])}")
        for name, parameter in parameters.items():
            if parameter.shape != state[name].shape:
                raise ShapeError(
                    f"load_state_dict: {name} expects shape {parameter.shape}, got {state[name].shape}"
                )
        for name, parameter in parameters.items():
            parameter.data = state[name]

    def pack(self, dtype: WeightType) -> None:
        """Lays the matrices of all inner layers out for use; those that have any override this."""
        for _, layer in self.children():
            layer.pack(dtype)

    def freeze(self) -> None:
        """Parameters want no gradients any more, and nothing is recorded for them."""
        for parameter in self.parameters():
            parameter.requires_grad = False

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> None:
        """Lets this and all inner layers act as in training (or, with False, as in use)."""
        self.training = mode
        for _, layer in self.children():
            layer.train(mode)

    def eval(self) -> None:
        """Lets this and all inner layers act as in use."""
        self.train(False)
