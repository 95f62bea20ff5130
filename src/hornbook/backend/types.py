"""The types that the signatures of operations use."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "WEIGHT_TYPES", "Activation", "Array", "Axis", "Generator", "WeightType"]

Array: TypeAlias = NDArray[Any]
"""An array of the active backend."""

Generator: TypeAlias = np.random.Generator
"""A source of random numbers; `Ops.generator(seed)` makes one."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""One axis, several, or all of them (None)."""

Activation: TypeAlias = Literal["none", "relu", "silu", "gelu", "gelu_tanh", "quick_gelu"]

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

WeightType: TypeAlias = Literal["float32", "bfloat16", "int8"]
"""How weights are held in memory; what is computed with them stays float32."""

WEIGHT_TYPES: tuple[WeightType, ...] = get_args(WeightType)
