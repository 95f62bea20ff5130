"""What a tokenizer's model is, and the common one: a function for a single word, applied to a whole batch.

`wordpiece`, `unigram` and `character_bpe` are such functions; `byte_bpe` has a model of its own.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from hornbook.tokenizer.models.word_cache import WordCache
from hornbook.tokenizer.spans import Ids, Span

__all__ = ["Model", "WordModel"]


class Model(Protocol):
    """Turns words into ids."""

    def encode_batch(self, words: Sequence[str]) -> tuple[Ids, Ids]:
        """The ids of all words, int32 `[N]`, and where each word begins and the last ends, int32 `[B+1]`."""

    def spans(self, word: str) -> list[Span]:
        """The tokens of one word and their spans in it."""


class WordModel:
    """A model made of a function for one word.

    Args:
        spans: gives the tokens of a word and their spans in it.
        ids: gives the ids of these tokens; None if that is not faster.
    """

    def __init__(
        self, spans: Callable[[str], list[Span]], ids: Callable[[str], list[int]] | None = None
    ) -> None:
        def ids_of_spans(word: str) -> list[int]:
            return [token_id for token_id, *_ in spans(word)]

        encode = ids or ids_of_spans
        self.spans = spans
        self._words = WordCache(lambda word: encode(word) if word else [])

    def encode_batch(self, words: Sequence[str]) -> tuple[Ids, Ids]:
        """See `Model.encode_batch`."""
        rows = list(map(self._words.__getitem__, words))
        ids = np.fromiter(chain.from_iterable(rows), np.int32)
        return ids, np.cumsum([0, *map(len, rows)], dtype=np.int32)
