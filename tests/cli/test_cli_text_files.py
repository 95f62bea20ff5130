"""The files that `--input` reads: what is a text in them, and what is told of a damaged one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hornbook.cli.inputs import TextReader

Cli: TypeAlias = Callable[..., Any]

LONG = "word " * 60_000


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.txt", b"", []),
        ("a.txt", b"\n", [""]),
        ("a.txt", b"one\n\ntwo\n", ["one", "", "two"]),
        ("a.txt", b"one\r\n\r\ntwo", ["one", "", "two"]),
        ("a.txt", b"\xef\xbb\xbfone\n", ["one"]),
        ("a.txt", "one\u2028still\x0cone\x85\rone\n".encode(), ["one\u2028still\x0cone\x85\rone"]),
        ("no-suffix", b" one \n", [" one "]),
        ("a.csv", b"text,other\none,1\n", ["one"]),
        ("a.csv", b"id,sentence\r\n1,one\r\n2,\r\n", ["one", ""]),
        ("a.csv", b'\xef\xbb\xbfsentence1,text\na,"one, ""two""\nthree"\n', ['one, "two"\nthree']),
        ("a.csv", b"text\n", []),
        ("a.CSV", f"text\n{LONG}\n".encode(), [LONG]),
        ("a.tsv", b'id\tsentence1\tsentence2\n1\t"one\ttwo\n', ['"one']),
        ("a.jsonl", b'{"text": "one"}\n\n{"text": "\\u65e5", "more": 1}', ["one", "日"]),
        ("a.ndjson", b'{"sentence": ""}\r\n', [""]),
        ("a.jsonl", b"", []),
    ],
)
def test_texts(tmp_path: Path, name: str, content: bytes, texts: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    assert [item.text for item in TextReader([str(tmp_path / name)])] == texts


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"id,text,quote\n1,no,yes\n"),
        ("a.tsv", b"id\ttext\tquote\n1\tno\tyes\n"),
        ("a.jsonl", b'{"text": "no", "quote": "yes"}\n'),
    ],
)
def test_column(cli: Cli, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (row,) = cli("embed", "-i", tmp_path / name, "--column", "quote").json
    assert row["sentence"] == "yes"
    ended = cli("embed", "-i", tmp_path / name, "--column", "nope")
    assert (ended.code, ended.stdout) == (3, b"")
    assert "no column 'nope'; it has " in ended.err
    assert "'text', 'quote'" in ended.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"one\ntw\xff\n", "line 2 is not UTF-8"),
        ("a.txt", "one\n".encode("utf-16"), "line 1 is not UTF-8"),
        ("a.csv", b"text\n\xff\n", "line 2 is not UTF-8"),
        ("a.csv", b"", "no column 'text'; it has none"),
        ("a.csv", b"id,label\n1,2\n", "no column 'text'; it has 'id', 'label'"),
        ("a.csv", b"id,text\n1,one\n2\n", "line 3 has 1 columns, the header has 2"),
        ("a.csv", b"text,id\none,1\ntwo\n", "line 3 has 1 columns, the header has 2"),
        ("a.csv", b"text\none\ntwo,3\n", "line 3 has 2 columns, the header has 1"),
        ("a.csv", b'text\n"one\n', "line 2: unexpected end of data"),
        ("a.csv", b'text\n"one"two\n', "line 2: "),
        ("a.tsv", b"id\ttext\n1\tone\t2\n", "line 2 has 3 columns, the header has 2"),
        ("a.jsonl", b'{"text": "one"}\n{"text": \n', "line 2 is not JSON"),
        ("a.jsonl", b"[" * 100_000, "line 1 is nested too deep"),
        ("a.jsonl", b'"one"\n', "line 1: expected a JSON object"),
        ("a.jsonl", b'{"text": 5}\n', "line 1: 'text' is not a text"),
        (
            "a.jsonl",
            b'{"text": "one"}\n{"id": 5}\n',
            "line 2: no key 'text', which the lines before have; it has 'id'",
        ),
        ("a.jsonl", b"{}\n", "line 1: no column 'text'; it has none"),
    ],
)
def test_damaged_files_name_file_and_line(
    cli: Cli, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    ended = cli("embed", "-i", tmp_path / name)
    assert (ended.code, ended.stdout) == (3, b"")
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: {message}")


def test_a_file_that_is_no_file(cli: Cli, tmp_path: Path) -> None:
    ended = cli("embed", "-i", tmp_path / "none.txt")
    assert (ended.code, ended.err) == (3, f"error: --input: {tmp_path / 'none.txt'}: no such file\n")
    ended = cli("embed", "-i", tmp_path)
    assert (ended.code, ended.err) == (3, f"error: --input: {tmp_path} is a folder; name a file in it\n")


def test_a_text_file_has_no_columns(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    ended = cli("embed", "-i", tmp_path / "a.txt", "--column", "text")
    assert ended.code == 2
    assert "only csv, tsv, json and jsonl have" in ended.err
