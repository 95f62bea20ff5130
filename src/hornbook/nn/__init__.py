"""Layers: weights with names, and the computations with them.

`module.py` finds and names weights, `layers.py` and `attention.py` are the layers, `packed.py` has what
replaces them in a model that is only used, `functional.py` the same as functions, `init.py` the first values.
"""

from hornbook.nn import functional, init
from hornbook.nn.attention import Attention, AttentionSteps
from hornbook.nn.layers import Dropout, Embedding, LayerNorm, Linear, ResidualLinear
from hornbook.nn.module import Module, Parameter
from hornbook.nn.packed import PackedEmbedding, PackedLinear

__all__ = [
    "Attention",
    "AttentionSteps",
    "Dropout",
    "Embedding",
    "LayerNorm",
    "Linear",
    "Module",
    "PackedEmbedding",
    "PackedLinear",
    "Parameter",
    "ResidualLinear",
    "functional",
    "init",
]
