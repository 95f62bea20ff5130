"""Weights in the form in which they are multiplied.

The reference keeps float32 arrays and only rounds their values to what the asked-for type can hold, so that
its results are those of a backend that stores them so. A native backend returns a layout of its own.
"""

import numpy as np

from hornbook.backend.types import Array, WeightType
from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.errors import ConfigError

__all__ = ["PackingOps"]

SCALE_BLOCK = 256  # inputs that share a scale, for each output
LARGEST_INT8 = 127


class PackingOps:
    """The only place that knows how weights lie in memory."""

    def pack(self, weight: Array, dtype: WeightType) -> Array:
        """Prepares a weight `[K, M]` for `linear`.

        int8 rounds to 127 steps of the largest value in each block of 256 inputs of an output.

        Raises:
            ConfigError: an unknown dtype.
        """
        if dtype == "float32":
            return weight
        if dtype == "bfloat16":
            return bfloat16_to_float32(float32_to_bfloat16(weight))
        if dtype == "int8":
            return _round_to_int8(weight)
        raise ConfigError(f"dtype: expected float32, bfloat16 or int8, got {dtype!r}")

    def pack_table(self, table: Array, dtype: WeightType) -> Array:
        """Prepares a table `[V, C]` for `embedding` and `unembed`: as the weight `[C, V]` it is there."""
        return self.pack(table.T, dtype).T

    def unpack(self, weight: Array) -> Array:
        """The values of a packed weight or table, float32 in its shape."""
        return weight


def _round_to_int8(weight: Array) -> Array:
    result = np.empty_like(weight, np.float32)
    for begin in range(0, len(weight), SCALE_BLOCK):
        block = weight[begin : begin + SCALE_BLOCK].astype(np.float32)
        largest = np.max(np.abs(block), axis=0)
        inverse = np.divide(np.float32(LARGEST_INT8), largest, out=np.zeros_like(largest), where=largest > 0)
        result[begin : begin + SCALE_BLOCK] = np.rint(block * inverse) * (largest / np.float32(LARGEST_INT8))
    return result
