"""Files of tiktoken, beside the package itself."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
import tiktoken
import tiktoken.load
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tokenizer.kinds import TEXT

from hornbook.errors import TokenizerError
from hornbook.tokenizer import Tokenizer
from hornbook.tokenizer.unicode.named_patterns import NAMED_PATTERNS
from hornbook.tokenizer.unicode.patterns import PATTERNS

MERGED = [b"th", b"he", b"the", b" t", b" the", b"\xe6\x97", b"\n\n", b"  ", b"12", b"aa", b"aaa", b"aaaa"]
RANKS = {data: rank for rank, data in enumerate([*(bytes([byte]) for byte in range(256)), *MERGED])}
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
    r"|\s*[\r\n]|\s+(?!\S)|\s"
)
"""As tiktoken writes it."""
GPT2 = next(regex for regex, name in PATTERNS.items() if name == "gpt2")


def write(path: Path, ranks: Mapping[bytes, int]) -> Path:
    lines = (f"{base64.b64encode(data).decode()} {rank}\n" for data, rank in ranks.items())
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize(
    ("name", "regex", "special"),
    [
        ("r50k_base", GPT2, 50256),
        ("p50k_edit", GPT2, 50256),
        ("cl100k_base", CL100K, 100257),
        ("o200k_base", NAMED_PATTERNS["o200k"][0], 199999),
    ],
)
@settings(max_examples=50, deadline=None)
@given(text=st.text() | st.text(alphabet="the a12\n 日'S"))
def test_ids_equal_those_of_the_package(
    name: str, regex: str, special: int, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = tiktoken.Encoding(
        name, pat_str=regex, mergeable_ranks=RANKS, special_tokens={"<|endoftext|>": special}
    )
    path = write(tmp_path_factory.mktemp("tiktoken") / f"{name}.tiktoken", RANKS)
    ours = Tokenizer.from_file(path)
    for each in (text, TEXT[:200], "a" * 17):
        expected = theirs.encode(each, disallowed_special=())
        assert ours.encode(each) == expected
        assert ours.decode_bytes(expected) == theirs.decode_bytes(expected)
    assert ours.encode("<|endoftext|>", allowed_special="all") == [special]


def test_a_published_file(test_data: Path) -> None:
    path = test_data / "tokenizer" / "r50k_base.tiktoken"
    ranks = tiktoken.load.load_tiktoken_bpe(str(path))
    theirs = tiktoken.Encoding(
        "r50k_base", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}
    )
    ours = Tokenizer.from_file(path)
    assert ours.encode(TEXT) == theirs.encode(TEXT)
    assert ours.eos_token_id == 50256
    assert ours.vocab_size == 50257


def test_a_folder_with_one(tmp_path: Path) -> None:
    write(tmp_path / "r50k_base.tiktoken", RANKS)
    assert Tokenizer.from_folder(tmp_path).encode(" the") == [RANKS[b" the"]]


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    ours = Tokenizer.from_file(write(tmp_path / "p50k_edit.tiktoken", RANKS))
    ours.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    text = "the <|fim_middle|> aaaa"
    assert again.encode(text, allowed_special="all") == ours.encode(text, allowed_special="all")
    assert 50282 in again.encode(text, allowed_special="all")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty file"),
        ("YQ==\n", "line 1: expected a token in base64 and its rank, got 'YQ=='"),
        ("YQ== x\n", "line 1: expected a token in base64 and its rank"),
        ("YQ== 0\n?? 1\n", "line 2: expected a token in base64 and its rank"),
        ("YQ== -1\n", "line 1: the token is empty, or the rank out of range"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "r50k_base.tiktoken"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_file(path)


def test_a_name_that_tells_no_pattern(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"its name has to be one of gpt2, r50k_base, .*; got 'mine'"):
        Tokenizer.from_file(write(tmp_path / "mine.tiktoken", RANKS))
