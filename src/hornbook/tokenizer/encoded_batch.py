"""Many texts as ids, packed one after the other; texts that are too long are truncated or divided."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import ContextLengthError, TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.spans import Ids

__all__ = ["EncodedBatch", "Layout", "Overflow", "fit"]

Layout: TypeAlias = tuple[tuple[int, ...] | None, ...]
"""What a sequence consists of: ids of special tokens, and None for the ids of its text."""

Overflow: TypeAlias = Literal["error", "truncate", "chunk"]
"""Whether a text that is too long is an error, is truncated, or is divided into several sequences."""


@dataclass(frozen=True)
class EncodedBatch:
    """B sequences of ids, packed as models take them; `ids, offsets = batch` works.

    Attributes:
        ids: The ids of all sequences, int32 `[N]`.
        offsets: Where each sequence begins and the last one ends, int32 `[B+1]`.
        n_tokens: How many tokens each text has, those of the template included, int32 `[number of texts]`.
        n_lost: How many of them were cut off, int32 `[number of texts]`.
        text_index: The index of the text of each sequence, int32 `[B]`: 0, 1, 2, ... unless a text was
            divided into chunks.
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
    layout: Layout = (None,),
    keep_end: bool = False,
    stride: int = 0,
) -> EncodedBatch:
    """Makes sequences of at most `max_length` ids from those of the texts.

    Args:
        ids: the ids of all texts, int32 `[N]`.
        offsets: where each text begins and the last one ends, int32 `[B+1]`.
        max_length: the most ids of a sequence; None for no limit.
        on_overflow: what is done with longer texts.
        layout: what each sequence consists of; `max_length` counts its special tokens.
        keep_end: whether truncation keeps the end of a text instead of its beginning.
        stride: how many ids at the end of a chunk the next one repeats.

    Raises:
        TokenizerError: `max_length` is not an integer that leaves room for a token, `stride` not one that
            leaves room for a further token, or `on_overflow` is unknown.
        ContextLengthError: a text is too long, and `on_overflow` is "error".
    """
    if on_overflow not in ("error", "truncate", "chunk"):
        raise TokenizerError(
            f"encode_batch: on_overflow must be 'error', 'truncate' or 'chunk', got {brief(on_overflow)}"
        )
    extra = sum(len(item) for item in layout if item is not None)
    if max_length is not None and (not _is_integer(max_length) or max_length < extra + 1):
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
    return batch if layout == (None,) else _laid_out(batch, layout)


def _is_integer(value: object) -> bool:
    """Whether it is an integer, of Python or of NumPy."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _too_long(n_tokens: Ids, max_length: int) -> ContextLengthError:
    index = int(np.argmax(n_tokens > max_length))
    return ContextLengthError(
        f"encode_batch: texts[{index}] has {n_tokens[index]} tokens, max_length is {max_length}; "
        "shorten it, or pass on_overflow='truncate' or 'chunk'"
    )


def _truncated(batch: EncodedBatch, content: Ids, room: int, keep_end: bool) -> EncodedBatch:
    kept = np.minimum(content, room)
    index = np.arange(len(batch.ids)) - np.repeat(batch.offsets[:-1], content)  # within its text
    is_kept = index >= np.repeat(content - kept, content) if keep_end else index < room
    return replace(batch, ids=batch.ids[is_kept], offsets=_offsets(kept), n_lost=content - kept)


def _checked_stride(stride: int, room: int) -> int:
    if not _is_integer(stride) or not 0 <= stride < room:
        raise TokenizerError(
            f"encode_batch: stride must be an integer from 0 to {room - 1}, as each chunk has room for "
            f"{room} ids of its text; got {brief(stride)}"
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


def _laid_out(batch: EncodedBatch, layout: Layout) -> EncodedBatch:
    """Writes the items of the layout for each sequence, one item after the other."""
    lengths = np.diff(batch.offsets)
    sizes = [lengths if item is None else np.full_like(lengths, len(item)) for item in layout]
    offsets = _offsets(sum(sizes, np.zeros_like(lengths)))
    ids = np.empty(offsets[-1], np.int32)
    start = offsets[:-1].copy()
    for item, size in zip(layout, sizes, strict=True):
        if item is None:
            ids[np.arange(len(batch.ids)) + np.repeat(start - batch.offsets[:-1], lengths)] = batch.ids
        else:
            ids[start[:, None] + np.arange(len(item))] = item
        start += size
    return replace(batch, ids=ids, offsets=offsets)


def _offsets(lengths: NDArray[np.integer]) -> Ids:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def _numbers(count: int) -> Ids:
    return np.arange(count, dtype=np.int32)
