"""Weights in the form in which they are multiplied.

The reference keeps float32 values, rounded to what the asked-for type can hold, so that its results are those
of a backend that stores them in that type. A native backend has a layout of its own.
"""

from abc import ABC, abstractmethod

import numpy as np

from hornbook.backend.types import WEIGHT_TYPES, Array, WeightType
from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.errors import ConfigError

__all__ = ["Packed", "PackedValues", "PackingOps"]

SCALE_BLOCK = 256  # inputs that share a scale, for each output
LARGEST_INT8 = 127


class Packed(ABC):
    """A weight `[K, M]` or a table `[V, C]`, packed by a backend. It never changes and has its own memory.

    The backend that packed it multiplies it as it is; every other one unpacks it first, at each call.

    Attributes:
        shape: of the array that was packed.
        dtype: how the values are held.
        nbytes: memory in bytes.
    """

    def __init__(self, shape: tuple[int, ...], dtype: WeightType, nbytes: int) -> None:
        self.shape = shape
        self.dtype = dtype
        self.nbytes = nbytes

    @abstractmethod
    def unpack(self) -> Array:
        """The values that products use, float32 and read-only: changing them would not change the weight."""


class PackedValues(Packed):
    """What the reference multiplies: values in float32, rounded to what `dtype` can hold."""

    def __init__(self, values: Array, dtype: WeightType) -> None:
        super().__init__(values.shape, dtype, values.nbytes)
        self._values = values
        self._values.flags.writeable = False

    def unpack(self) -> Array:
        """See `Packed.unpack`."""
        return self._values


class PackingOps:
    """The only operations that know how weights lie in memory."""

    def pack(self, weight: Array, dtype: WeightType) -> Packed:
        """Prepares a weight `[K, M]` for `linear`.

        int8 rounds to 127 steps of the largest value in each block of 256 inputs of an output.

        Raises:
            ConfigError: an unknown dtype.
        """
        return PackedValues(np.ascontiguousarray(_rounded(weight, dtype)), dtype)

    def pack_table(self, table: Array, dtype: WeightType) -> Packed:
        """Prepares a table `[V, C]` for `embedding` and `unembed`; it is rounded as the weight `[C, V]`.

        Raises:
            ConfigError: an unknown dtype.
        """
        return PackedValues(np.ascontiguousarray(_rounded(table.T, dtype).T), dtype)

    def unpack(self, weight: Array | Packed) -> Array:
        """The values of a weight or table in its own shape; an array as it is, a packed one in float32."""
        return weight.unpack() if isinstance(weight, Packed) else weight


def _rounded(weight: Array, dtype: WeightType) -> Array:
    """A copy that holds only values which `dtype` can hold."""
    if dtype == "float32":
        return np.array(weight, np.float32)
    if dtype == "bfloat16":
        return bfloat16_to_float32(float32_to_bfloat16(weight))
    if dtype == "int8":
        return _rounded_to_int8(weight)
    raise ConfigError(f"dtype: expected one of {', '.join(WEIGHT_TYPES)}, got {dtype!r}")


def _rounded_to_int8(weight: Array) -> Array:
    result = np.empty_like(weight, np.float32)
    for begin in range(0, len(weight), SCALE_BLOCK):
        block = weight[begin : begin + SCALE_BLOCK].astype(np.float32)
        largest = np.max(np.abs(block), axis=0)
        inverse = np.divide(np.float32(LARGEST_INT8), largest, out=np.zeros_like(largest), where=largest > 0)
        result[begin : begin + SCALE_BLOCK] = np.rint(block * inverse) * (largest / np.float32(LARGEST_INT8))
    return result
