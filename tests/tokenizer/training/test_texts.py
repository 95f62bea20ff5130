"""What a corpus is read as: cells of tables, pieces of texts, and what is neither."""

import csv
import random
import re
from pathlib import Path

import pytest
import regex

from hornbook.errors import DataError
from hornbook.tokenizer.training import find_tables, read_texts, texts
from hornbook.tokenizer.unicode.patterns import split_words

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"
    r"\s*[\r\n]|\s+(?!\S)|\s"
)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("id\tsentence1\tsentence2\tlabel\n1\tA b.\tC d.\t0\n", ["A b.", "C d."]),
        ("A b.\tC d.\t1\nE\tF\t0\n", ["A b.", "C d.", "E", "F"]),
        ("text\r\nA b\r\nC\rd\r\n", ["A b", "C\rd"]),
        ('\ufeffQuality\t#1 ID\t#1 String\n1\t702\tHe said "x".', ['He said "x".']),
        ("1\t2\n3.5\t-1e-3\n50%\t1,000\n", []),
        ("A b.\t\t \nsecond row, longer\tx\ty\tz\n", ["A b.", "second row, longer", "x", "y", "z"]),
        ("a\ta\nb\tb\n", ["a", "a", "b", "b"]),
        ("one two three four\nx\n", ["one two three four", "x"]),
        ("text\nline\u2028separator\x85 stays\n", ["line\u2028separator\x85 stays"]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_cells(tmp_path: Path, content: str, cells: list[str]) -> None:
    assert list(read_texts([write(tmp_path / "a.tsv", content)])) == cells


def test_real_tables(test_data: Path) -> None:
    path = test_data / "dev" / "paws" / "dev.tsv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert list(read_texts([path])) == [row[name] for row in rows for name in ("sentence1", "sentence2")]


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "id\ttext\n" + "".join(f"{n}\tä日本 {n}👩‍🚀x\r\n" for n in range(97))
    path = write(tmp_path / "a.tsv", content)
    whole = list(read_texts([path]))
    assert whole[:2] == ["ä日本 0👩‍🚀x", "ä日本 1👩‍🚀x"]
    for size in (1, 2, 3, 7, 31):
        monkeypatch.setattr(texts, "BLOCK_BYTES", size)
        assert list(read_texts([path])) == whole


@pytest.mark.parametrize("pattern", [GPT2, CL100K])
@pytest.mark.parametrize("block", [1, 3, 13, 101])
def test_pieces_have_the_words_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, block: int
) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", block)
    chance = random.Random(block)
    parts = [
        "a",
        "it's",
        "Z9",
        "9",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        ".",
        "!?",
        "_",
        "é",
        "日",
        "'",
        "\xa0",
        "👩\u200d🚀",
    ]
    for _ in range(50):
        text = "".join(chance.choices(parts, k=199))
        pieces = list(read_texts([write(tmp_path / "a.txt", text)]))
        assert "".join(pieces) == text
        assert len(pieces) > 3
        assert [w for piece in pieces for w in regex.findall(pattern, piece)] == regex.findall(pattern, text)


def test_pieces_of_a_book(test_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = test_data / "train" / "lm" / "tinyshakespeare.txt"
    monkeypatch.setattr(texts, "BLOCK_BYTES", 997)
    words = [word for piece in read_texts([path]) for word in split_words(piece)]
    assert words == split_words(path.read_bytes().decode())


def test_a_text_without_white_space_is_cut_anyway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", 64)
    monkeypatch.setattr(texts, "MAX_PIECE", 128)
    assert [*map(len, read_texts([write(tmp_path / "a.txt", "x" * 300)]))] == [128, 128, 44]


def test_folders(tmp_path: Path) -> None:
    for name in ("b.tsv", "a.TSV", "c.txt"):
        write(tmp_path / name, f"row of {name}\n")
    (tmp_path / "inner.tsv").mkdir()
    assert [path.name for path in find_tables(tmp_path)] == ["a.TSV", "b.tsv"]
    read = "".join(read_texts([tmp_path, tmp_path / "c.txt"]))
    assert read == "row of a.TSVrow of b.tsvrow of c.txt\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"text\nA b.\nCaf\xe9\n", "a.tsv: line 3 is not UTF-8"),
        ("a.txt", b"one\n\n" * 7 + b"caf\xe9", "a.txt: line 15 is not UTF-8"),
        ("a.txt", b"one\ntwo \xe2\x82", "a.txt: line 2 is not UTF-8"),
        ("a.txt", b"one\n\x00\x01", "a.txt: line 2 has a zero byte"),
        ("a.txt", "one".encode("utf-16"), "a.txt: line 1"),
    ],
)
@pytest.mark.parametrize("block", [4, 1 << 20])
def test_what_is_not_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, message: str, block: int
) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", block)
    with pytest.raises(DataError, match=re.escape(message)):
        list(read_texts([write(tmp_path / name, content)]))


def test_a_row_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "BLOCK_BYTES", 64)
    monkeypatch.setattr(texts, "MAX_PIECE", 128)
    with pytest.raises(DataError, match=r"a\.tsv: line 2 has over 128 characters"):
        list(read_texts([write(tmp_path / "a.tsv", "A b.\n" + "x " * 200)]))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(read_texts([tmp_path / "a.txt"]))
    with pytest.raises(DataError, match=r"no \*\.tsv"):
        list(read_texts([tmp_path]))
    with pytest.raises(DataError, match="no such folder"):
        find_tables(tmp_path / "missing")
