"""Many texts as ids, one after the other, and what becomes of those that are too long."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import ContextLengthError, TokenizerError
from hornbook.tokenizer.checking import brief

__all__ = ["EncodedBatch", "Overflow", "fit"]

Ids = NDArray[np.int32]

Overflow: TypeAlias = Literal["error", "truncate", "chunk"]
"""A text that is too long is an error, loses its end, or becomes several sequences."""


@dataclass(frozen=True)
class EncodedBatch:
    """B sequences of ids, packed as models take them; `ids, offsets = batch` works.

    Attributes:
        ids: of all sequences, int32 `[N]`.
        offsets: where each sequence begins and the last one ends, int32 `[B+1]`.
        n_tokens: how many tokens each text had, int32 `[number of texts]`.
        n_lost: how many of them are missing here, int32 `[number of texts]`.
        text_index: which text each sequence is of, int32 `[B]`: 0, 1, 2, ... unless texts were cut up.
    """

    ids: Ids
    offsets: Ids
    n_tokens: Ids
    n_lost: Ids
    text_index: Ids

    def __iter__(self) -> Iterator[Ids]:
        return iter((self.ids, self.offsets))


def fit(ids: Ids, offsets: Ids, max_length: int | None, on_overflow: Overflow) -> EncodedBatch:
    """Makes sequences of at most `max_length` ids from those of the texts.

    Raises:
        TokenizerError: `max_length` is not a positive integer, or `on_overflow` is unknown.
        ContextLengthError: a text is too long, and that is to be an error.
    """
    if on_overflow not in ("error", "truncate", "chunk"):
        raise TokenizerError(
            f"encode_batch: on_overflow must be 'error', 'truncate' or 'chunk', got {brief(on_overflow)}"
        )
    if max_length is not None and (type(max_length) is not int or max_length < 1):
        raise TokenizerError(
            f"encode_batch: max_length must be an integer of 1 or more, got {brief(max_length)}"
        )
    n_tokens = np.diff(offsets)
    whole = EncodedBatch(ids, offsets, n_tokens, np.zeros_like(n_tokens), _numbers(len(n_tokens)))
    if max_length is None or not (n_tokens > max_length).any():
        return whole
    if on_overflow == "error":
        index = int(np.argmax(n_tokens > max_length))
        raise ContextLengthError(
            f"encode_batch: texts[{index}] has {n_tokens[index]} tokens, max_length is {max_length}; "
            "shorten it, or pass on_overflow='truncate' or 'chunk'"
        )
    return _truncated(whole, max_length) if on_overflow == "truncate" else _chunked(whole, max_length)


def _truncated(batch: EncodedBatch, max_length: int) -> EncodedBatch:
    kept = np.minimum(batch.n_tokens, max_length)
    place = np.arange(len(batch.ids)) - np.repeat(batch.offsets[:-1], batch.n_tokens)
    return EncodedBatch(
        batch.ids[place < max_length], _offsets(kept), batch.n_tokens, batch.n_tokens - kept, batch.text_index
    )


def _chunked(batch: EncodedBatch, max_length: int) -> EncodedBatch:
    n_chunks = np.maximum(1, -(-batch.n_tokens // max_length))
    text_index = np.repeat(batch.text_index, n_chunks)
    place = np.arange(len(text_index)) - np.repeat(np.cumsum(n_chunks) - n_chunks, n_chunks)
    lengths = np.minimum(batch.n_tokens[text_index] - place * max_length, max_length)
    return EncodedBatch(batch.ids, _offsets(lengths), batch.n_tokens, batch.n_lost, text_index)


def _offsets(lengths: NDArray[np.integer]) -> Ids:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _numbers(count: int) -> Ids:
    return np.arange(count, dtype=np.int32)
