"""Byte pair encoding of bytes in C++: the fast twin of `byte_bpe.PythonBPE`, with the same ids."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from hornbook.machine import usable_threads
from hornbook.tokenizer.spans import Ids
from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.patterns import SPACES, Pattern
from hornbook.tokenizer.unicode.ranges import LETTERS, NUMBERS

try:
    import hornbook._native as native
except ImportError:  # no compiler was found at installation
    native = None  # type: ignore[assignment]

__all__ = ["NativeBPE", "is_available"]


def is_available() -> bool:
    """Whether the native module was built."""
    return native is not None


class NativeBPE:
    """Encodes text without special tokens. Any number of threads may share one encoder.

    It caches words, in 2 MB for each thread that is at work.

    Args:
        byte_ids: the id of each of the 256 bytes.
        merges: left id, right id and the id of the merged token, in order of rank.
        n_ids: all ids are below it.
        pattern: divides text into words; None takes the whole text as one word.
        whole_words: the bytes of id 0, 1, ..., if a word that equals one of them is its token without any
            merging.

    Raises:
        ValueError: an id is out of range, or a pair is given twice.
        ConfigError: HORNBOOK_NUM_THREADS is not a positive integer.
    """

    def __init__(
        self,
        byte_ids: Sequence[int],
        merges: Sequence[tuple[int, int, int]],
        n_ids: int,
        *,
        pattern: Pattern | None,
        whole_words: Sequence[bytes] | None = None,
    ) -> None:
        native.set_threads(usable_threads())
        self._arguments = (byte_ids, merges, n_ids, pattern, whole_words)
        self._encoder = native.BytePairEncoder(
            np.array(byte_ids, np.int32),
            np.array(merges, np.int32).reshape(-1, 3),
            n_ids,
            pattern,
            CodePoints(LETTERS).bounds,
            CodePoints(NUMBERS).bounds,
            CodePoints(SPACES).bounds,
            whole_words,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        byte_ids, merges, n_ids, pattern, whole_words = self._arguments
        make = partial(NativeBPE, pattern=pattern, whole_words=whole_words)
        return make, (byte_ids, merges, n_ids)

    def encode(self, text: str) -> Ids:
        """The ids of one text, int32 `[N]`."""
        ids, _ = self.encode_batch([text])
        return ids

    def encode_batch(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """The ids of all texts, int32 `[N]`, and where each text begins and the last ends, int32 `[B+1]`.

        `usable_threads` says how many threads take part.

        Raises:
            TypeError: a text is not a str.
            UnicodeEncodeError: a text has a lone surrogate.
            ValueError: the texts have more than 2^31 - 1 ids.
        """
        return self._encoder.encode_batch(list(texts))
