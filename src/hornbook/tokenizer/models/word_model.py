"""Models that look at one word at a time, with the whole of a tokenizer's batch in front of them.

`wordpiece`, `unigram` and `character_pairs` say what the tokens of a word are; `byte_level` is a model of its
own.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.tokenizer.models.word_cache import WordCache

__all__ = ["Ids", "Model", "Span", "WordModel"]

Ids: TypeAlias = NDArray[np.int32]

Span: TypeAlias = tuple[int, int, int]
"""A token in a text: id, first character, and the one behind the last."""


class Model(Protocol):
    """Turns words into ids."""

    def encode_batch(self, words: Sequence[str]) -> tuple[Ids, Ids]:
        """The ids of all words, int32 `[N]`, and where each word begins and the last ends, int32 `[B+1]`."""

    def spans(self, word: str) -> list[Span]:
        """The tokens of one word and their places in it."""


class WordModel:
    """A model made of a function for one word.

    Args:
        spans: the tokens of a word and their places in it.
    """

    def __init__(self, spans: Callable[[str], list[Span]]) -> None:
        self.spans = spans
        self._words = WordCache(lambda word: [token_id for token_id, *_ in spans(word)] if word else [])

    def encode_batch(self, words: Sequence[str]) -> tuple[Ids, Ids]:
        """See `Model.encode_batch`."""
        rows = list(map(self._words.__getitem__, words))
        ids = np.fromiter(chain.from_iterable(rows), np.int32)
        return ids, np.cumsum([0, *map(len, rows)], dtype=np.int32)
