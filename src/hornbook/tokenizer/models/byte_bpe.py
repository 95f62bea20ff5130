"""Ordinary text to ids by byte pair encoding: the readable way, and the choice between it and the quick one.

Text is cut into words (`patterns`), each word becomes bytes, one id a byte, and neighbours are merged by rank
(`merging`). `native_bpe` does the same in C++ where it could be built.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hornbook.tokenizer.models.bpe_merging import MergeTable, merge
from hornbook.tokenizer.models.byte_bpe_native import NativeBPE, is_available
from hornbook.tokenizer.models.word_cache import WordCache
from hornbook.tokenizer.unicode.patterns import Pattern, split_words

__all__ = ["BytePairs", "PythonBPE", "byte_pairs"]

Ids = NDArray[np.int32]


class BytePairs(Protocol):
    """Encodes text in which no special token is looked for."""

    def encode(self, text: str) -> Ids:
        """The ids of one text, int32 `[N]`."""

    def encode_batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """The ids of all texts, int32 `[N]`, and where each begins and the last ends, int32 `[B+1]`."""


def byte_pairs(
    byte_ids: Sequence[int],
    merges: Sequence[tuple[int, int, int]],
    n_ids: int,
    pattern: Pattern | None,
    *,
    whole_words: Sequence[bytes] | None = None,
) -> BytePairs:
    """The quickest encoder there is; for the arguments see `NativeBPE`."""
    if is_available():
        return NativeBPE(byte_ids, merges, n_ids, pattern=pattern, whole_words=whole_words)
    return PythonBPE(byte_ids, merges, pattern=pattern, whole_words=whole_words)


class PythonBPE:
    """Byte pair encoding in Python; `NativeBPE` has the same ids.

    Args:
        byte_ids: the id of each of the 256 bytes.
        merges: left id, right id and the id of both joined, in order of rank.
        pattern: what splits text into words; None takes the whole text for one.
        whole_words: the bytes of id 0, 1, ..., if a word that is one of them is not to be merged.
    """

    def __init__(
        self,
        byte_ids: Sequence[int],
        merges: Sequence[tuple[int, int, int]],
        *,
        pattern: Pattern | None,
        whole_words: Sequence[bytes] | None = None,
    ) -> None:
        self._byte_ids = list(byte_ids)
        self._table = MergeTable({(left, right): merged for left, right, merged in merges})
        self._pattern = pattern
        self._whole_words = {word: token_id for token_id, word in enumerate(whole_words or ()) if word}
        self._words = WordCache(self._encode_word)

    def encode(self, text: str) -> Ids:
        """See `BytePairs.encode`."""
        words = [text] if self._pattern is None else split_words(text, self._pattern)
        return np.fromiter(chain.from_iterable(map(self._words.__getitem__, words)), np.int32)

    def encode_batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """See `BytePairs.encode_batch`."""
        rows = [self.encode(text) for text in texts]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return np.concatenate([*rows, np.empty(0, np.int32)]), offsets

    def _encode_word(self, word: str) -> list[int]:
        data = word.encode("utf-8")
        if data in self._whole_words:
            return [self._whole_words[data]]
        return merge([self._byte_ids[byte] for byte in data], self._table)
