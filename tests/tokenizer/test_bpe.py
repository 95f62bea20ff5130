import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.errors import TokenizerError
from hornbook.tokenizer import AnyTokenizer, BPETokenizer

SPECIAL = "<|endoftext|>"
PROSE = "Once upon a time, there wasn't a hornbook; 123 dogs couldn't read!\n\n  Café 日本語 😀"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Words(str):
    """A str that lies about itself: only its characters count."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not these"


@given(ANY_TEXT)
@example(PROSE)
@example(f"a{SPECIAL}b")
@example("👩\u200d👩\u200d👧\u200d👦" * 5)
@example(" \t\r\n\x1c\x85\u3000 ")
def test_ids_equal_the_oracle_and_decode_to_the_text(
    tiny: BPETokenizer, tiny_oracle: tokenizers.Tokenizer, text: str
) -> None:
    ids = tiny.encode(text)
    assert ids == tiny_oracle.encode(text).ids
    assert tiny.decode(ids) == text


def test_every_id_has_the_bytes_of_the_oracle(tiny: BPETokenizer, tiny_oracle: tokenizers.Tokenizer) -> None:
    for token_id in range(tiny.vocab_size):
        expected = tiny_oracle.decode([token_id], skip_special_tokens=False)
        assert tiny.token_bytes(token_id).decode("utf-8", "replace") == expected
    assert tiny.vocab_size == len(tiny) == tiny_oracle.get_vocab_size() == 8192


def test_is_a_tokenizer(tiny: BPETokenizer) -> None:
    tokenizer: AnyTokenizer = tiny
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


def test_special_tokens_are_text_unless_parsed(tiny: BPETokenizer) -> None:
    end = tiny.special_tokens[SPECIAL]
    text = f"a{SPECIAL}{SPECIAL} b"
    assert end not in tiny.encode(text)
    assert tiny.encode(text, allowed_special="all") == [*tiny.encode("a"), end, end, *tiny.encode(" b")]
    assert tiny.decode(tiny.encode(text)) == tiny.decode(tiny.encode(text, allowed_special="all")) == text


def test_special_tokens_are_refused_by_name_and_position(tiny: BPETokenizer) -> None:
    with pytest.raises(TokenizerError, match=r"special token '<\|endoftext\|>' at position 3"):
        tiny.encode(f"abc{SPECIAL}", disallowed_special="all")
    assert tiny.encode("abc<|endoftext", disallowed_special="all") == tiny.encode("abc<|endoftext")


def test_unknown_policy_is_an_error(tiny: BPETokenizer) -> None:
    for argument in ("allowed_special", "disallowed_special"):
        wrong: dict[str, Any] = {argument: "skip"}
        with pytest.raises(TokenizerError, match=f"{argument} must be 'all' or a set of tokens, got 'skip'"):
            tiny.encode("a", **wrong)
        wrong = {argument: {"<s>"}}
        with pytest.raises(TokenizerError, match=f"{argument}: '<s>' is not a special token"):
            tiny.encode("a", **wrong)


def test_allowed_tokens_are_named_one_by_one(tiny: BPETokenizer) -> None:
    assert tiny.encode(f"a{SPECIAL}", allowed_special={SPECIAL}, disallowed_special="all")[-1] == 0
    assert 0 not in tiny.encode(f"a{SPECIAL}", allowed_special=set())


def test_decode_can_skip_special_tokens(tiny: BPETokenizer) -> None:
    ids = tiny.encode(f"{SPECIAL}ab{SPECIAL}", allowed_special="all")
    assert tiny.decode(ids, skip_special_tokens=True) == "ab"


def test_special_tokens_cannot_be_changed_from_outside(tiny: BPETokenizer) -> None:
    tiny.special_tokens.clear()
    assert tiny.special_tokens == {SPECIAL: 0}


def test_broken_characters_become_replacement_characters(tiny: BPETokenizer) -> None:
    ids = tiny.encode("日")
    assert tiny.decode_bytes(ids[:-1]) == "日".encode()[: len(tiny.decode_bytes(ids[:-1]))]
    assert tiny.decode(ids[:-1]) == tiny.decode_bytes(ids[:-1]).decode("utf-8", errors="replace") == "\ufffd"


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.int16])
def test_ids_may_be_any_integers(tiny: BPETokenizer, dtype: type[np.signedinteger[Any]]) -> None:
    ids = tiny.encode(PROSE)
    assert tiny.decode(np.array(ids, dtype)) == PROSE
    assert tiny.decode(tuple(np.array(ids, dtype))) == PROSE
    assert tiny.decode(token_id for token_id in ids) == PROSE


@pytest.mark.parametrize("token_id", [8192, -1, 10**30])
def test_ids_out_of_range_are_named(tiny: BPETokenizer, token_id: int) -> None:
    message = rf"id {token_id} at position 2 is outside of 0 to 8191"
    with pytest.raises(TokenizerError, match=f"decode: {message}"):
        tiny.decode([5, 7, token_id])
    with pytest.raises(TokenizerError, match=f"decode_bytes: {message}"):
        tiny.decode_bytes([5, 7, token_id])
    with pytest.raises(TokenizerError, match=f"token_bytes: id {token_id}"):
        tiny.token_bytes(token_id)


@pytest.mark.parametrize("ids", [[1.0], ["1"], "12", 5, None, [[1]], np.array([[1, 2]]), np.array([1.5])])
def test_ids_must_be_integers(tiny: BPETokenizer, ids: Any) -> None:
    with pytest.raises(TypeError, match="decode: ids must be a flat sequence of integers"):
        tiny.decode(ids)


@pytest.mark.parametrize("text", [b"abc", None, 5, ["abc"]])
def test_text_must_be_str(tiny: BPETokenizer, text: Any) -> None:
    message = f"text must be str, got {type(text).__name__}"
    with pytest.raises(TypeError, match=f"encode: {message}"):
        tiny.encode(text)
    with pytest.raises(TypeError, match=f"encode_with_spans: {message}"):
        tiny.encode_with_spans(text)


def test_a_subclass_of_str_is_text(tiny: BPETokenizer) -> None:
    assert tiny.encode(Words(PROSE)) == tiny.encode(PROSE)
    assert tiny.encode_with_spans(Words("abc")) == tiny.encode_with_spans("abc")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\ud800", "\ufffd"),
        ("ab\udfffc", "ab\ufffdc"),
        ("日 \udc80", "日 \ufffd"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_halves_of_surrogate_pairs_are_replaced(tiny: BPETokenizer, text: str, clean: str) -> None:
    assert tiny.encode(text) == tiny.encode(clean)
    assert tiny.encode_with_spans(text) == tiny.encode_with_spans(clean)
    assert tiny.encode_batch(["a", text]).ids.tolist() == tiny.encode("a") + tiny.encode(clean)


@given(ANY_TEXT)
@example(PROSE)
@example("é\u0301😀 日本")
def test_spans_equal_the_oracle(tiny: BPETokenizer, tiny_oracle: tokenizers.Tokenizer, text: str) -> None:
    expected = tiny_oracle.encode(text)
    ours = tiny.encode_with_spans(text)
    assert [token_id for token_id, _, _ in ours] == expected.ids
    assert [(start, stop) for _, start, stop in ours] == expected.offsets


def test_a_part_of_a_character_has_the_span_of_the_whole(tiny: BPETokenizer) -> None:
    spans = tiny.encode_with_spans("a😀b")
    inside = [(start, stop) for token_id, start, stop in spans if b"\x9f" in tiny.token_bytes(token_id)]
    assert inside == [(1, 2)]
    assert spans[0][1:] == (0, 1)
    assert spans[-1][1:] == (2, 3)


def test_spans_of_special_tokens(tiny: BPETokenizer) -> None:
    assert tiny.encode_with_spans(f"a{SPECIAL}b", allowed_special="all")[1] == (0, 1, 14)


def test_begin_and_end_are_those_of_the_vocabulary_or_given(tiny: BPETokenizer, tiny_folder: Path) -> None:
    assert (tiny.bos_token_id, tiny.eos_token_id) == (0, 0)
    files = tiny_folder / "vocab.json", tiny_folder / "merges.txt"
    given_ids = BPETokenizer.from_files(*files, bos_token_id=11, eos_token_id=13)
    assert (given_ids.bos_token_id, given_ids.eos_token_id) == (11, 13)
    with pytest.raises(TokenizerError, match=r"eos_token_id: id 8192 .* is outside of 0 to 8191"):
        BPETokenizer.from_files(*files, eos_token_id=8192)


def test_a_copy_works(tiny: BPETokenizer) -> None:
    ids = tiny.encode(PROSE)
    assert copy.deepcopy(tiny).encode(PROSE) == ids
