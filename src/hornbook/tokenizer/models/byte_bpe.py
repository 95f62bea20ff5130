"""Byte pair encoding of bytes: the readable encoder, the choice between it and the native one, and the model.

Text is divided into words (`unicode.patterns`), each word becomes bytes, one id a byte, and adjacent ids are
merged by rank (`bpe_merging`). `byte_bpe_native` does the same in C++ where it could be built.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from hornbook.tokenizer.models.bpe_merging import MergeTable, merge
from hornbook.tokenizer.models.byte_bpe_native import NativeBPE, is_available
from hornbook.tokenizer.models.word_cache import WordCache
from hornbook.tokenizer.spans import Ids, Span
from hornbook.tokenizer.unicode.patterns import Pattern, split_words

__all__ = ["ByteBPE", "ByteEncoder", "PythonBPE", "byte_encoder"]


class ByteEncoder(Protocol):
    """Encodes text without special tokens."""

    def encode(self, text: str) -> Ids:
        """The ids of one text, int32 `[N]`."""

    def encode_batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """The ids of all texts, int32 `[N]`, and where each begins and the last ends, int32 `[B+1]`."""


def byte_encoder(
    byte_ids: Sequence[int],
    merges: Sequence[tuple[int, int, int]],
    n_ids: int,
    pattern: Pattern | None,
    *,
    whole_words: Sequence[bytes] | None = None,
) -> ByteEncoder:
    """The fastest encoder that is available; for the arguments see `NativeBPE`."""
    if is_available():
        return NativeBPE(byte_ids, merges, n_ids, pattern=pattern, whole_words=whole_words)
    return PythonBPE(byte_ids, merges, pattern=pattern, whole_words=whole_words)


class PythonBPE:
    """Byte pair encoding in Python; `NativeBPE` gives the same ids.

    Args:
        byte_ids: the id of each of the 256 bytes.
        merges: left id, right id and the id of the merged token, in order of rank.
        pattern: divides text into words; None takes the whole text as one word.
        whole_words: the bytes of id 0, 1, ..., if a word that equals one of them is its token without any
            merging.
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
        """See `ByteEncoder.encode`."""
        words = [text] if self._pattern is None else split_words(text, self._pattern)
        return np.fromiter(chain.from_iterable(map(self._words.__getitem__, words)), np.int32)

    def encode_batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """See `ByteEncoder.encode_batch`."""
        rows = [self.encode(text) for text in texts]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return np.concatenate([*rows, np.empty(0, np.int32)]), offsets

    def _encode_word(self, word: str) -> list[int]:
        data = word.encode("utf-8")
        if data in self._whole_words:
            return [self._whole_words[data]]
        return merge([self._byte_ids[byte] for byte in data], self._table)


class ByteBPE:
    """The model of byte-level tokenizers: an encoder of bytes, and the characters that its tokens stand for.

    Args:
        encoder: turns texts into ids.
        sizes: the number of bytes of each id.
    """

    def __init__(self, encoder: ByteEncoder, sizes: Mapping[int, int]) -> None:
        self.encode_batch = encoder.encode_batch
        self._sizes = sizes

    def spans(self, word: str) -> list[Span]:
        """The tokens of a text; the span of a token that holds a part of a character is the whole of it."""
        owners = [index for index, character in enumerate(word) for _ in character.encode()]
        spans: list[Span] = []
        done = 0
        ids: Ids = self.encode_batch([word])[0]
        for token_id in ids.tolist():
            stop = done + self._sizes[token_id]
            spans.append((token_id, owners[done], owners[stop - 1] + 1))
            done = stop
        return spans
