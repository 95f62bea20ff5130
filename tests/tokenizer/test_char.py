from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.errors import TokenizerError
from hornbook.tokenizer import AnyTokenizer, CharTokenizer


def test_ids_are_code_points() -> None:
    expected = [72, 101, 108, 108, 111, 32, 119, 111, 114, 108, 100]
    tokenizer = CharTokenizer()
    assert tokenizer.encode("Hello world") == expected
    assert tokenizer.encode("Hello world", True) == [*expected, tokenizer.eos_token_id]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    tokenizer: AnyTokenizer = CharTokenizer()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode("utf-8")
    assert all(token_id < tokenizer.vocab_size for token_id in ids)


def test_small_vocabulary_has_an_unknown_and_an_end() -> None:
    tokenizer = CharTokenizer(limit=128)
    assert (tokenizer.unk_token_id, tokenizer.eos_token_id, tokenizer.vocab_size) == (128, 129, 130)
    ids = tokenizer.encode("aé😀\x7f", add_special_tokens=True)
    assert ids == [97, 128, 128, 127, 129]
    assert tokenizer.decode(ids) == "a\x7f"
    assert tokenizer.token_bytes(128) == b""


@pytest.mark.parametrize("limit", [0, -1, 0x110001])
def test_limit_out_of_range(limit: int) -> None:
    with pytest.raises(TokenizerError, match=f"limit must be from 1 to 1114112, got {limit}"):
        CharTokenizer(limit=limit)


def test_ids_out_of_range() -> None:
    with pytest.raises(TokenizerError, match="id 130 at position 1 is outside of 0 to 129"):
        CharTokenizer(limit=128).decode([5, 130])


def test_ids_of_surrogates_decode_to_replacement_characters() -> None:
    assert set(CharTokenizer().decode([0xD800])) == {"\N{REPLACEMENT CHARACTER}"}


def test_text_must_be_text() -> None:
    not_text: Any = b"a"
    with pytest.raises(TypeError, match="encode: text must be str, got bytes"):
        CharTokenizer().encode(not_text)
    assert CharTokenizer().encode("ab\udc80") == [97, 98, 0xFFFD]


@pytest.mark.parametrize("texts", [[], [""], ["é"], ["Hi!", "", "日本 😀 \ud800"]])
@pytest.mark.parametrize("add_special_tokens", [False, True])
def test_batches_have_the_ids_of_single_texts(texts: list[str], add_special_tokens: bool) -> None:
    tokenizer = CharTokenizer(limit=0x3000)
    ids, offsets = tokenizer.encode_batch(texts, add_special_tokens=add_special_tokens)
    assert ids.dtype == offsets.dtype == np.int32
    rows = [ids[start:stop].tolist() for start, stop in pairwise(offsets)]
    assert rows == [tokenizer.encode(text, add_special_tokens) for text in texts]


def test_a_long_text_is_truncated_before_the_end_of_text() -> None:
    batch = CharTokenizer(128).encode_batch(
        ["Hello"], add_special_tokens=True, max_length=3, on_overflow="truncate"
    )
    assert batch.ids.tolist() == [72, 101, 129]
    assert batch.n_lost.tolist() == [3]


def test_repr_says_what_it_is() -> None:
    assert (
        repr(CharTokenizer(128))
        == "CharTokenizer(characters, vocab_size=130, unk_token_id=128, eos_token_id=129)"
    )
