"""Many texts as ids, one after the other, and what becomes of those that are too long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
        n_tokens: how many tokens each text had, with those around it, int32 `[number of texts]`.
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


def fit(
    ids: Ids,
    offsets: Ids,
    max_length: int | None,
    on_overflow: Overflow,
    *,
    before: Sequence[int] = (),
    behind: Sequence[int] = (),
    keep_end: bool = False,
    stride: int = 0,
) -> EncodedBatch:
    """Makes sequences of at most `max_length` ids from those of the texts.

    Args:
        ids: of all texts.
        offsets: where each text begins and the last one ends.
        max_length: the most ids of a sequence; None for no limit.
        on_overflow: what becomes of longer texts.
        before: ids that go before each sequence; `max_length` counts them.
        behind: likewise.
        keep_end: whether truncation takes from the beginning.
        stride: how many ids of a chunk the next one has again, at its beginning.

    Raises:
        TokenizerError: `max_length` is no integer that leaves room for a token, `stride` none that leaves
            room for another one, or `on_overflow` is unknown.
        ContextLengthError: a text is too long, and that is to be an error.
    """
    if on_overflow not in ("error", "truncate", "chunk"):
        raise TokenizerError(
            f"encode_batch: on_overflow must be 'error', 'truncate' or 'chunk', got {brief(on_overflow)}"
        )
    extra = len(before) + len(behind)
    if max_length is not None and (type(max_length) is not int or max_length < extra + 1):
        raise TokenizerError(
            f"encode_batch: max_length must be an integer of {extra + 1} or more, got {brief(max_length)}"
        )
    content = np.diff(offsets)
    batch = EncodedBatch(ids, offsets, content + extra, np.zeros_like(content), _numbers(len(content)))
    if max_length is not None and (content + extra > max_length).any():
        if on_overflow == "error":
            raise _too_long(batch.n_tokens, max_length)
        room = max_length - extra
        if on_overflow == "truncate":
            batch = _truncated(batch, content, room, keep_end)
        else:
            batch = _chunked(batch, room, _checked_stride(stride, room))
    return _surrounded(batch, before, behind) if extra else batch


def _too_long(n_tokens: Ids, max_length: int) -> ContextLengthError:
    index = int(np.argmax(n_tokens > max_length))
    return ContextLengthError(
        f"encode_batch: texts[{index}] has {n_tokens[index]} tokens, max_length is {max_length}; "
        "shorten it, or pass on_overflow='truncate' or 'chunk'"
    )


def _truncated(batch: EncodedBatch, content: Ids, room: int, keep_end: bool) -> EncodedBatch:
    kept = np.minimum(content, room)
    place = np.arange(len(batch.ids)) - np.repeat(batch.offsets[:-1], content)
    is_kept = place >= np.repeat(content - kept, content) if keep_end else place < room
    return replace(batch, ids=batch.ids[is_kept], offsets=_offsets(kept), n_lost=content - kept)


def _checked_stride(stride: int, room: int) -> int:
    if type(stride) is not int or not 0 <= stride < room:
        raise TokenizerError(
            f"encode_batch: stride must be an integer from 0 to {room - 1}, for {room} ids of a text in each "
            f"chunk; got {brief(stride)}"
        )
    return stride


def _chunked(batch: EncodedBatch, room: int, stride: int) -> EncodedBatch:
    content = np.diff(batch.offsets)
    step = room - stride
    n_chunks = 1 + np.maximum(0, -(-(content - room) // step))
    text_index = np.repeat(batch.text_index, n_chunks)
    start = step * (np.arange(len(text_index)) - np.repeat(np.cumsum(n_chunks) - n_chunks, n_chunks))
    lengths = np.minimum(content[text_index] - start, room)
    offsets = _offsets(lengths)
    shift = batch.offsets[text_index] + start - offsets[:-1]
    ids = batch.ids[np.arange(offsets[-1]) + np.repeat(shift, lengths)]
    return replace(batch, ids=ids, offsets=offsets, text_index=text_index)


def _surrounded(batch: EncodedBatch, before: Sequence[int], behind: Sequence[int]) -> EncodedBatch:
    """Puts the same ids around each sequence."""
    lengths = np.diff(batch.offsets)
    offsets = _offsets(lengths + len(before) + len(behind))
    ids = np.empty(offsets[-1], np.int32)
    ids[offsets[:-1, None] + np.arange(len(before))] = before
    ids[offsets[1:, None] + np.arange(-len(behind), 0)] = behind
    shift = offsets[:-1] + len(before) - batch.offsets[:-1]
    ids[np.arange(len(batch.ids)) + np.repeat(shift, lengths)] = batch.ids
    return replace(batch, ids=ids, offsets=offsets)


def _offsets(lengths: NDArray[np.integer]) -> Ids:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _numbers(count: int) -> Ids:
    return np.arange(count, dtype=np.int32)
