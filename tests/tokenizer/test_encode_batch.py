"""Batches have the ids of their texts one by one, and nothing is lost without being counted."""

import json
import threading
from typing import Any

import numpy as np
import pytest
import tokenizers

from hornbook.errors import ContextLengthError, TokenizerError
from hornbook.tokenizer import BPETokenizer, EncodedBatch, Tokenizer

TEXTS = ["Once upon a time", "", "日本 😀", "<|endoftext|> the end", "a" * 31, "The  cat's hat.\n"]


def rows(batch: EncodedBatch) -> list[list[int]]:
    return [part.tolist() for part in np.split(batch.ids, batch.offsets[1:-1])]


@pytest.mark.parametrize("options", [{}, {"allowed_special": "all"}])
def test_ids_are_those_of_single_texts(tiny: BPETokenizer, options: dict[str, Any]) -> None:
    batch = tiny.encode_batch(TEXTS, **options)
    assert rows(batch) == [tiny.encode(text, **options) for text in TEXTS]
    assert batch.ids.dtype == batch.offsets.dtype == np.int32
    assert batch.n_tokens.tolist() == [len(row) for row in rows(batch)]
    assert batch.n_lost.tolist() == [0] * len(TEXTS)
    ids, offsets = batch
    assert ids is batch.ids
    assert offsets is batch.offsets


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a"]])
def test_few_and_empty_texts(tiny: BPETokenizer, texts: list[str]) -> None:
    batch = tiny.encode_batch(texts, max_length=1, on_overflow="chunk")
    assert batch.offsets.tolist() == [0, *np.cumsum([len(tiny.encode(text)) for text in texts])]
    assert batch.text_index.tolist() == list(range(len(texts)))
    assert batch.ids.dtype == np.int32


def test_truncation_is_counted(tiny: BPETokenizer) -> None:
    batch = tiny.encode_batch(TEXTS, max_length=5, on_overflow="truncate")
    whole = [tiny.encode(text) for text in TEXTS]
    assert rows(batch) == [row[:5] for row in whole]
    assert batch.n_tokens.tolist() == [len(row) for row in whole]
    assert batch.n_lost.tolist() == [max(0, len(row) - 5) for row in whole]


def test_chunks_lose_nothing(tiny: BPETokenizer) -> None:
    batch = tiny.encode_batch(TEXTS, max_length=3, on_overflow="chunk")
    whole = [tiny.encode(text) for text in TEXTS]
    expected = [(i, row[k : k + 3]) for i, row in enumerate(whole) for k in range(0, max(1, len(row)), 3)]
    assert rows(batch) == [chunk for _, chunk in expected]
    assert batch.text_index.tolist() == [i for i, _ in expected]
    assert batch.n_lost.tolist() == [0] * len(TEXTS)


@pytest.mark.parametrize("stride", [0, 1, 2, 4])
def test_chunks_that_overlap_are_those_of_tokenizers(
    tiny: BPETokenizer, tiny_oracle: tokenizers.Tokenizer, stride: int
) -> None:
    theirs = tokenizers.Tokenizer.from_str(tiny_oracle.to_str())
    theirs.enable_truncation(5, stride=stride)
    texts = [text for text in TEXTS if "<|" not in text]
    expected = [
        (i, chunk.ids)
        for i, first in enumerate(map(theirs.encode, texts))
        for chunk in (first, *first.overflowing)
    ]
    batch = tiny.encode_batch(texts, max_length=5, on_overflow="chunk", stride=stride)
    assert list(zip(batch.text_index.tolist(), rows(batch), strict=True)) == expected
    read = Tokenizer(json.loads(theirs.to_str())).encode_batch(texts, max_length=5, on_overflow="chunk")
    assert rows(read) == rows(batch)


@pytest.mark.parametrize("stride", [-1, 3, 1.0])
def test_a_stride_must_leave_room(tiny: BPETokenizer, stride: Any) -> None:
    with pytest.raises(TokenizerError, match=r"stride must be an integer from 0 to 2"):
        tiny.encode_batch(TEXTS, max_length=3, on_overflow="chunk", stride=stride)


def test_a_text_that_is_too_long_is_named(tiny: BPETokenizer) -> None:
    length = len(tiny.encode(TEXTS[0]))
    tiny.encode_batch(TEXTS[:2], max_length=length)
    with pytest.raises(ContextLengthError, match=rf"texts\[1\] has {length} tokens, .* is {length - 1};"):
        tiny.encode_batch(["a", TEXTS[0]], max_length=length - 1)


@pytest.mark.parametrize("options", [{"max_length": 0}, {"max_length": 2.5}, {"on_overflow": "cut"}])
def test_options_out_of_range(tiny: BPETokenizer, options: dict[str, Any]) -> None:
    with pytest.raises(TokenizerError, match=f"{next(iter(options))} must be"):
        tiny.encode_batch(["a"], **options)


@pytest.mark.parametrize("texts", ["abc", ["a", b"b"], ["a", None]])
def test_texts_must_be_a_list_of_str(tiny: BPETokenizer, texts: Any) -> None:
    with pytest.raises(TypeError, match="texts"):
        tiny.encode_batch(texts)


def test_threads_share_a_tokenizer(tiny: BPETokenizer) -> None:
    texts = [f"{text} {number} {text[::-1]}" for number in range(200) for text in TEXTS]
    expected = tiny.encode_batch(texts).ids
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(tiny.encode_batch(texts).ids)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    assert all(np.array_equal(ids, expected) for ids in results)


def test_a_stream_never_has_half_a_character(tiny: BPETokenizer) -> None:
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, tiny.vocab_size, 29).tolist() for _ in range(50)]
    for ids in [tiny.encode("日本語 😀é"), *sequences]:
        stream = tiny.decode_stream()
        pieces = [stream.push(token_id) for token_id in ids] + [stream.finish()]
        assert "".join(pieces) == tiny.decode(ids)
    assert [tiny.decode_stream().push(token_id) for token_id in tiny.encode("日")[:1]] == [""]
