"""Layers: parameters with names, and what is computed with them.

`module.py` finds and names parameters, `layers.py` and `attention.py` are the layers, `functional.py` the
same as functions, `init.py` the first values.
"""

from hornbook.nn import functional, init
from hornbook.nn.attention import Attention, AttentionSteps
from hornbook.nn.layers import Dropout, Embedding, LayerNorm, Linear, ResidualLinear
from hornbook.nn.module import Module, Parameter

__all__ = [
    "Attention",
    "AttentionSteps",
    "Dropout",
    "Embedding",
    "LayerNorm",
    "Linear",
    "Module",
    "Parameter",
    "ResidualLinear",
    "functional",
    "init",
]
