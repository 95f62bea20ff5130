"""The real vocabulary of GPT-2, against its published vectors and against tiktoken."""

import base64
import json
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.tokenizer import BPETokenizer
from hornbook.tokenizer.steps.added_tokens import Specials

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
END = 50_256


@pytest.fixture(scope="module")
def gpt2(test_data: Path) -> BPETokenizer:
    folder = test_data / "tokenizer"
    return BPETokenizer.from_files(folder / "encoder.json", folder / "vocab.bpe")


@pytest.fixture(scope="module")
def r50k(test_data: Path) -> tiktoken.Encoding:
    lines = (test_data / "tokenizer" / "r50k_base.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    return tiktoken.Encoding(
        "r50k", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": END}
    )


def test_the_quick_brown_fox(gpt2: BPETokenizer) -> None:
    assert gpt2.encode("The quick brown fox") == [464, 2068, 7586, 21831]
    assert gpt2.special_tokens == {"<|endoftext|>": END}
    assert (gpt2.bos_token_id, gpt2.eos_token_id, gpt2.vocab_size) == (END, END, 50_257)


def test_published_vectors(gpt2: BPETokenizer, test_data: Path) -> None:
    lines = (test_data / "tokenizer" / "gpt2_test_vectors.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    assert len(cases) == 168
    for case in cases:
        allowed: Specials = "all" if case.get("allow_special") else ()
        assert gpt2.encode(case["text"], allowed_special=allowed) == case["ids"]
        assert gpt2.decode(case["ids"]) == case["text"]


def test_all_ids_have_the_bytes_of_tiktoken_and_come_back(
    gpt2: BPETokenizer, r50k: tiktoken.Encoding
) -> None:
    for token_id in range(gpt2.vocab_size):
        piece = gpt2.decode_bytes([token_id])
        assert piece == r50k.decode_bytes([token_id])
        try:
            text = piece.decode("utf-8")
        except UnicodeDecodeError:
            continue
        ids = gpt2.encode(text, allowed_special="all")
        assert ids == r50k.encode(text, allowed_special="all")
        assert gpt2.decode_bytes(ids) == piece


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=307)
def test_ids_equal_tiktoken(gpt2: BPETokenizer, r50k: tiktoken.Encoding, text: str) -> None:
    ids = gpt2.encode(text)
    assert ids == r50k.encode_ordinary(text)
    assert gpt2.decode(ids) == text


@pytest.mark.parametrize("unit", ["a", "^", " ", "\n", "👩\u200d", "ab1 ", "日"])
def test_long_repetitions_equal_tiktoken(gpt2: BPETokenizer, r50k: tiktoken.Encoding, unit: str) -> None:
    text = unit * 10_007
    assert gpt2.encode(text) == r50k.encode_ordinary(text)


def test_a_book_equals_tiktoken(gpt2: BPETokenizer, r50k: tiktoken.Encoding, test_data: Path) -> None:
    text = (test_data / "dev" / "lm" / "wikitext2_valid.txt").read_text(encoding="utf-8")
    ids = gpt2.encode(text)
    assert ids == r50k.encode_ordinary(text)
    assert gpt2.decode(ids) == text
