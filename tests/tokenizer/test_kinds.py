"""Every kind of tokenizer beside Hugging Face's package: ids, spans, decoding, saving.

HORNBOOK_TEST_WHOLE=1 goes through every code point with every kind, 20,000 texts made up, and a million lines
of books that the kinds share; otherwise a sample of each.
"""

import copy
import json
import os
import pickle
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tokenizer.kinds import KINDS, SPECIAL, TEXT, oracle

from hornbook.tokenizer import Tokenizer

WHOLE = bool(os.environ.get("HORNBOOK_TEST_WHOLE"))

TEXTS = (
    TEXT,
    *TEXT.splitlines()[:3],
    *("", " ", "  ", "a", " a", "a ", " a ", "\n", "\0", "\x85", " \u3000", "\r\n", "a\r\nb"),
    *(
        "日",
        "é",
        "e\u0301",
        "\u0301",
        "\u0301a",
        "a\u0301\u0323b",
        "\u0344",
        "\u0f73",
        "\u0958",
        "\u1e9b\u0323",
    ),
    *("한국", "각", "각\u11a8", "\u1100\u1161\u11a8", "か\u3099", "İ", "ǅ", "ß", "ﬁ", "①②", "½", "ﷺ", "㌀"),
    *("\ufffd", "\u200d", "👩‍👧‍👦", "🇩🇪", "©\u200d©", "𝒜", "😀" * 3, "\u0600a", "a\u0600"),
    *("▁", "▁▁a  b", "Ġa", "hornbook Hornbook HÖRNBOOK", "cat cats concat cat."),
    *("a <l> b <r> c <b> d", "a<l>b<r>c<b>d", " <b> ", "<x><y><x>", "<X>", "<x>"),
)
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
SPELLING_SPECIAL = ("x[CLS]y", "[CLS]", "[CLS] [SEP]", " [MASK] ", "[MASK][MASK]")

MIXED = "aeE\u0301\u0323 .<lrbxy>\n\u1100\u1161\u11a8日ﬁ"

# Their models take words that are spelled like special tokens for these; ours never do.
TAKES_SPELLINGS = ("unigram", "sentencepiece", "split", "spaces", "delimiter", "punctuation")


@cache
def ours(name: str) -> Tokenizer:
    return Tokenizer(json.loads(oracle(name).to_str()), source=name)


def check(name: str, text: str, *, parsed: bool, around: bool = True) -> None:
    theirs = oracle(name)
    theirs.encode_special_tokens = not parsed
    expected = theirs.encode(text, add_special_tokens=around)
    spans = ours(name).encode_with_spans(
        text, allowed_special="all" if parsed else (), add_special_tokens=around
    )
    assert spans == [(i, *span) for i, span in zip(expected.ids, expected.offsets, strict=True)], text
    ids = ours(name).encode(text, allowed_special="all" if parsed else (), add_special_tokens=around)
    assert ids == expected.ids, text


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("parsed", [True, False])
def test_ids_and_spans_equal_the_oracle(name: str, parsed: bool) -> None:
    for text in TEXTS:
        check(name, text, parsed=parsed)
        check(name, text, parsed=parsed, around=False)
    for text in SPELLING_SPECIAL if parsed or not name.startswith(TAKES_SPELLINGS) else ():
        check(name, text, parsed=parsed)


@pytest.mark.parametrize("name", KINDS)
def test_decoding_equals_the_oracle(name: str) -> None:
    theirs = oracle(name)
    for text in (*TEXTS, *SPELLING_SPECIAL):
        ids = ours(name).encode(text, allowed_special="all")
        whole = ours(name).decode(ids)
        assert whole == theirs.decode(ids, skip_special_tokens=False)
        assert ours(name).decode(ids, skip_special_tokens=True) == theirs.decode(ids)
        stream = ours(name).decode_stream()
        assert "".join([*map(stream.push, ids), stream.finish()]) == whole


@pytest.mark.parametrize("name", KINDS)
def test_pairs_equal_the_oracle(name: str) -> None:
    expected = oracle(name).encode("one two", "three")
    assert ours(name).encode_pair("one two", "three") == (expected.ids, expected.type_ids)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("texts", [[], [""], ["", " a b"], list(TEXTS)])
def test_batches_equal_single_texts(name: str, texts: list[str]) -> None:
    ids, offsets = ours(name).encode_batch(texts)
    rows = [ids[start:stop].tolist() for start, stop in pairwise(offsets)]
    assert rows == [ours(name).encode(text) for text in texts]


@pytest.mark.parametrize("name", KINDS)
def test_every_code_point(name: str) -> None:
    for character in CHARACTERS[::499]:
        check(name, f"{character} {character}{character} a{character}", parsed=True)
    oracle(name).encode_special_tokens = False
    texts = [
        f"{character} {character} {character}{character}" for character in CHARACTERS[:: 1 if WHOLE else 997]
    ]
    for first in range(0, len(texts), 10_000):
        part = texts[first : first + 10_000]
        expected = [encoding.ids for encoding in oracle(name).encode_batch_fast(part)]
        ids, offsets = ours(name).encode_batch(part, allowed_special="all")
        found = [ids[start:stop].tolist() for start, stop in pairwise(offsets)]
        assert found == expected, next(t for t, f, e in zip(part, found, expected, strict=True) if f != e)


@settings(max_examples=20_000 if WHOLE else 100, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.text() | st.text(alphabet=MIXED))
def test_any_text(name: str, text: str) -> None:
    check(name, text, parsed=True)


@pytest.fixture(scope="module")
def lines(test_data: Path) -> list[str]:
    files = sorted((test_data / "train" / "lm").rglob("*.txt"))
    found: list[str] = []
    for file in files if WHOLE else files[::41]:
        found += file.read_text("utf-8", "replace").splitlines(keepends=True)
    return found[:1_000_000]


@pytest.mark.parametrize(("number", "name"), list(enumerate(KINDS)))
def test_lines_of_books(number: int, name: str, lines: list[str]) -> None:
    share = lines[number :: len(KINDS)]
    assert len(share) > 100
    for line in share if WHOLE else share[:: len(share) // 50]:
        check(name, line, parsed=True)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_saved_is_read_by_both(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    ours(name).save(path)
    theirs, again = tokenizers.Tokenizer.from_file(str(path)), Tokenizer.from_file(path)
    ids = ours(name).encode(TEXT)
    assert theirs.encode(TEXT).ids == again.encode(TEXT) == ids


def pickled(tokenizer: Tokenizer) -> Tokenizer:
    again: Tokenizer = pickle.loads(pickle.dumps(tokenizer))
    return again


@pytest.mark.parametrize("name", ["bert", "gpt2", "unigram"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
def test_a_copy_works(name: str, duplicate: Callable[[Tokenizer], Tokenizer]) -> None:
    assert duplicate(ours(name)).encode(TEXT) == ours(name).encode(TEXT)


def test_nothing_is_no_word() -> None:
    document = json.loads(oracle("words").to_str()) | {"pre_tokenizer": None}
    assert (
        Tokenizer(document).encode("")
        == tokenizers.Tokenizer.from_str(json.dumps(document)).encode("").ids
        == []
    )


def test_text_never_becomes_a_special_token() -> None:
    for name in KINDS:
        special = set(ours(name).special_tokens.values())
        unknown = {ours(name).token_id("unk")}
        for text in (*SPECIAL, *(f"a {token} b" for token in SPECIAL)):
            ids = ours(name).encode(text, add_special_tokens=False)
            assert not special.intersection(ids) - unknown, (name, text)


@pytest.mark.parametrize(
    ("name", "described"),
    [
        (
            "bert",
            "Tokenizer(WordPiece, vocab_size=336, special_tokens=['[UNK]', '[CLS]', '[SEP]', '[PAD]', ",
        ),
        (
            "gpt2",
            "Tokenizer(byte-level BPE with gpt2's words, vocab_size=554, special_tokens=['[UNK]', '[CLS]', ",
        ),
        ("gpt1", "Tokenizer(BPE, vocab_size="),
        ("unigram", "Tokenizer(Unigram, vocab_size="),
        ("words", "Tokenizer(WordLevel, vocab_size="),
        ("added", ", special_tokens=['[UNK]', '[CLS]', '[SEP]', '[PAD]', '[MASK]', and 2 more])"),
    ],
)
def test_repr_says_what_a_tokenizer_is(name: str, described: str) -> None:
    assert described in repr(ours(name))
    assert "\n" not in repr(ours(name))


@pytest.mark.parametrize("name", KINDS)
def test_truncated_and_divided_texts_keep_the_tokens_of_the_template(name: str) -> None:
    texts = [TEXT, "", "a", "the quick brown fox"]
    before, after = (ours(name).encode("")[:1], ours(name).encode("")[1:])
    for overflow in ("truncate", "chunk"):
        batch = ours(name).encode_batch(
            texts, max_length=5, on_overflow=overflow, allowed_special="all", add_special_tokens=True
        )
        assert batch.ids.dtype == batch.offsets.dtype == np.int32
        for row in np.split(batch.ids, batch.offsets[1:-1]):
            assert len(row) <= 5
            assert row.tolist()[: len(before)] == before
            assert row.tolist()[len(row) - len(after) :] == after
    expected = [ours(name).encode(text, add_special_tokens=False)[:5] for text in texts]
    batch = ours(name).encode_batch(texts, max_length=5, on_overflow="truncate", add_special_tokens=False)
    assert [row.tolist() for row in np.split(batch.ids, batch.offsets[1:-1])] == expected


def test_texts_in_an_array() -> None:
    for name in KINDS:
        batch = ours(name).encode_batch(np.array(["the fox", "", "日本"]))
        assert batch.ids.tolist() == ours(name).encode_batch(["the fox", "", "日本"]).ids.tolist()
