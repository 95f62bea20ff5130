"""The words that every operation's signature uses."""

from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "Activation", "Array", "Axis"]

Array: TypeAlias = NDArray[Any]
"""An array of the active backend."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""One axis, several, or all of them (None)."""

Activation: TypeAlias = Literal["none", "relu", "silu", "gelu", "gelu_tanh"]

ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "silu", "gelu", "gelu_tanh")
