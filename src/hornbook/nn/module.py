"""Module: a layer, or layers inside of layers, with named weights."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from hornbook.backend import Array, Generator, Packed, WeightType, get_backend
from hornbook.errors import ConfigError, ShapeError
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

    def own_weights(self) -> Iterator[tuple[str, Parameter | Packed]]:
        """The weights of this layer without those of its inner layers, in the order of definition."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value

    def named_weights(self) -> Iterator[tuple[str, Parameter | Packed]]:
        """Every weight once: parameters, and what a packed layer has in place of one."""
        for prefix, layer in self._layers():
            yield from ((prefix + name, weight) for name, weight in layer.own_weights())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, in the order of definition."""
        for name, weight in self.named_weights():
            if isinstance(weight, Parameter):
                yield name, weight

    def parameters(self) -> list[Parameter]:
        """Every parameter, without names."""
        return [parameter for _, parameter in self.named_parameters()]

    def num_parameters(self) -> int:
        """How many numbers the weights are, packed or not."""
        return sum(prod(weight.shape) for _, weight in self.named_weights())

    def weights_bytes(self) -> int:
        """Memory of the weights in bytes, as they are held."""
        return sum(weight.nbytes for _, weight in self.named_weights())

    @property
    def is_packed(self) -> bool:
        """Whether a layer in it is packed, so that it can be used but not trained."""
        return any(isinstance(weight, Packed) for _, weight in self.named_weights())

    @property
    def weight_type(self) -> WeightType:
        """The type that packed weights are rounded to; "float32" where none is rounded."""
        types = (weight.dtype for _, weight in self.named_weights() if isinstance(weight, Packed))
        return next((dtype for dtype in types if dtype != "float32"), "float32")

    def state_dict(self) -> dict[str, Array]:
        """The values of all weights by name: of parameters not copies, of packed ones copies in float32."""
        ops = get_backend()
        return {
            name: ops.copy(weight.unpack()) if isinstance(weight, Packed) else weight.data
            for name, weight in self.named_weights()
        }

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Takes over the arrays in `state`, those of the backend as they are.

        Raises:
            ShapeError: a parameter is missing, unknown or of another shape; nothing was changed then.
            ConfigError: a layer is packed.
        """
        self._check_unpacked("load_state_dict")
        parameters = dict(self.named_parameters())
        for problem, names in (
            ("missing", parameters.keys() - state.keys()),
            ("unknown", state.keys() - parameters.keys()),
        ):
            if names:
                raise ShapeError(f"load_state_dict: {len(names)} {problem}: {', '.join(sorted(names)[:5])}")
        ops = get_backend()
        for name, parameter in parameters.items():
            if parameter.shape != state[name].shape:
                raise ShapeError(
                    f"load_state_dict: {name} expects shape {parameter.shape}, got {state[name].shape}"
                )
        for name, parameter in parameters.items():
            parameter.data = ops.asarray(state[name])

    def named_generators(self) -> Iterator[tuple[str, Generator]]:
        """Every source of random numbers once, by the first of its names; layers may share one."""
        seen: set[int] = set()
        for prefix, layer in self._layers():
            for name, value in vars(layer).items():
                if isinstance(value, Generator) and id(value) not in seen:
                    seen.add(id(value))
                    yield prefix + name, value

    def random_state(self) -> dict[str, dict[str, Any]]:
        """Where each source of random numbers has got to, by name, as what JSON can hold."""
        ops = get_backend()
        return {name: ops.generator_state(generator) for name, generator in self.named_generators()}

    def load_random_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes dropout go on from what `random_state` gave, to the bit.

        Raises:
            ConfigError: a source is missing or unknown, or a state is not one.
        """
        generators = dict(self.named_generators())
        if generators.keys() != state.keys():
            raise ConfigError(
                f"load_random_state: expected {', '.join(generators)[:200]}, got {', '.join(state)[:200]}; "
                "is it of the same model?"
            )
        for name, generator in generators.items():
            get_backend().set_generator_state(generator, state[name])

    def pack(self, dtype: WeightType) -> "Module":
        """Makes this a module for use without gradients: inner layers are replaced by their packed ones.

        Afterwards no weight needs the file that it was mapped from.

        Args:
            dtype: how large matrices are held; positions, biases and normalisations stay float32.

        Returns:
            This module; or, of a layer that is packed itself, what replaces it.

        Raises:
            ConfigError: an unknown dtype, or weights that are rounded to another one already.
        """
        packed, ops = self.packed_layer(dtype), get_backend()
        for parameter in packed.parameters():
            parameter.data = ops.copy(parameter.data)
        packed.freeze()
        return packed

    def packed_layer(self, dtype: WeightType) -> "Module":
        """What stands for this layer in a packed module; those that have a packed form override this."""
        for name in vars(self):  # one at a time, so that only one weight exists twice
            if isinstance(value := vars(self)[name], Module):
                setattr(self, name, value.packed_layer(dtype))
            elif isinstance(value, list):
                for i, layer in enumerate(value):
                    value[i] = layer.packed_layer(dtype) if isinstance(layer, Module) else layer
        return self

    def freeze(self) -> None:
        """Ends gradients: nothing is recorded for the parameters from then on."""
        for parameter in self.parameters():
            parameter.requires_grad = False

    def zero_grad(self) -> None:
        """Removes all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> None:
        """Lets this and all inner layers act as in training (or, with False, as in use).

        Raises:
            ConfigError: a layer is packed, and cannot be trained.
        """
        if mode:
            self._check_unpacked("train")
        for _, layer in self._layers():
            layer.training = mode

    def eval(self) -> None:
        """Lets this and all inner layers act as in use."""
        self.train(False)

    def __repr__(self) -> str:
        weights = [weight for _, weight in self.named_weights()]
        if not weights:
            return f"{type(self).__name__}()"
        types = sorted({str(x.dtype) for x in weights if isinstance(x, Packed) == self.is_packed})
        form = "packed in " * self.is_packed + ", ".join(types)
        return f"{type(self).__name__}({self.num_parameters():,} parameters, {form})"

    def _layers(self, prefix: str = "") -> list[tuple[str, "Module"]]:
        """This and all inner layers, each with what stands before the names of its weights."""
        layers = [(prefix, self)]
        for name, layer in self.children():
            layers += layer._layers(f"{prefix}{name}.")
        return layers

    def _check_unpacked(self, operation: str) -> None:
        if self.is_packed:
            raise ConfigError(
                f"{operation}: the weights are packed for use; load the model with trainable=True"
            )
