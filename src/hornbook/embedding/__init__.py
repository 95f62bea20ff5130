"""Vectors from texts, and what they are good for.

`embedder.py` makes and compares them, `pooling.py` makes one vector of those of the tokens, `explanation.py`
shows the way of a text through the model.
"""

from hornbook.embedding.embedder import Embedder, Match
from hornbook.embedding.explanation import Explanation, explain, explain_with
from hornbook.embedding.pooling import EmbeddingModule, Pooling, PoolingMode

__all__ = [
    "Embedder",
    "EmbeddingModule",
    "Explanation",
    "Match",
    "Pooling",
    "PoolingMode",
    "explain",
    "explain_with",
]
