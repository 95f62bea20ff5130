"""Backends: what computes, and in which memory.

`Ops` has every operation in NumPy. Models, layers and tensors ask `get_backend()` and never call NumPy
themselves, so that the same model runs on every backend. Read `ops.py` first, then the family
files it joins.
"""

from hornbook.backend.batch import PackedBatch, as_ids
from hornbook.backend.cache import KVCache, LayerCache
from hornbook.backend.ops import Ops
from hornbook.backend.packing import Packed
from hornbook.backend.select import available_backends, get_backend, kernel_problem, use_backend
from hornbook.backend.types import ACTIVATIONS, WEIGHT_TYPES, Activation, Array, Axis, Generator, WeightType

__all__ = [
    "ACTIVATIONS",
    "WEIGHT_TYPES",
    "Activation",
    "Array",
    "Axis",
    "Generator",
    "KVCache",
    "LayerCache",
    "Ops",
    "Packed",
    "PackedBatch",
    "WeightType",
    "as_ids",
    "available_backends",
    "get_backend",
    "kernel_problem",
    "use_backend",
]
