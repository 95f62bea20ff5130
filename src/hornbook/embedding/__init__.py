"""Vectors from texts: `embedder.py` makes and compares them, `explanation.py` shows how they come about."""

from hornbook.embedding.embedder import Embedder, Match
from hornbook.embedding.explanation import Explanation, explain

__all__ = ["Embedder", "Explanation", "Match", "explain"]
