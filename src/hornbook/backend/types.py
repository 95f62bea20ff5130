"""The words that every operation's signature uses."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "Activation", "Array", "Axis", "Generator"]

Array: TypeAlias = NDArray[Any]
"""An array of the active backend."""

Generator: TypeAlias = np.random.Generator
"""A source of random numbers; `Ops.generator(seed)` makes one."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""One axis, several, or all of them (None)."""

Activation: TypeAlias = Literal["none", "relu", "silu", "gelu", "gelu_tanh"]

ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "silu", "gelu", "gelu_tanh")
