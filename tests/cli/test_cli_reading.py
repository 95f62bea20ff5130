"""What commands read: never without bound, from a pipe where nothing is given, and in every format."""

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import hornbook
from hornbook.cli import inputs
from hornbook.cli.text import BLOCK_BYTES, MAX_TEXT_BYTES, read_whole
from hornbook.errors import DataError

Cli: TypeAlias = Callable[..., Any]

CAT, DOG = "The cat sat.", "A dog ran."
READ_ONE_TEXT: list[tuple[str, ...]] = [
    ("generate", "-q", "-n", "2", "--seed", "3"),
    ("explain",),
    ("tokens", "encode"),
    ("tokens", "compare", "tiny-lm", "tiny-lm"),
]


class Endless(io.RawIOBase):
    """A stream without an end, that knows how much of it was read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.n_read = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the whole buffer."""
        view = memoryview(buffer).cast("B")
        times = len(view) // len(self._content) + 1
        view[:] = (self._content * times)[: len(view)]
        self.n_read += len(view)
        return len(view)


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "-"),
        ("generate",),
        ("explain", "-"),
        ("similarity", "-", "x"),
        ("embed", "-"),
        ("embed", "-i", "-"),
        ("embed",),
        ("embed", "--input-format", "csv"),
        ("embed", "--input-format", "jsonl"),
        ("tokens", "encode", "--json", "-"),
        ("tokens", "compare", "tiny-lm", "tiny-lm", "-"),
        ("tokens", "count", "-"),
    ],
    ids=" ".join,
)
def test_an_endless_text_is_refused_after_a_bound(cli: Cli, words: tuple[str, ...]) -> None:
    endless = Endless(b"\0")
    ended = cli(*words, stdin=io.BufferedReader(endless))
    assert (ended.code, ended.stdout) == (3, b"")
    assert "16,777,216 bytes" in ended.err
    assert endless.n_read <= MAX_TEXT_BYTES + 2 * BLOCK_BYTES


def test_an_endless_list_of_ids_is_refused(cli: Cli) -> None:
    endless = Endless(b"7 ")
    ended = cli("tokens", "decode", "-", stdin=io.BufferedReader(endless))
    assert ended.code == 3
    assert endless.n_read < 1 << 27


@pytest.mark.parametrize(
    "words", [("embed", "-i", "/dev/zero"), ("tokens", "encode", "-t", "/dev/zero", "x")]
)
def test_a_device_without_an_end_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert ended.code == 3
    assert "/dev/zero" in ended.err


def test_a_document_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    assert read_whole(str(path), 11) == "x" * 11
    with pytest.raises(DataError, match=rf"{path}: over 10 bytes"):
        read_whole(str(path), 10)


def test_vectors_come_before_the_end_of_the_input(cli: Cli, capsysbinary: Any) -> None:
    shown: list[bytes] = []
    parts = [b"a\nb\n", b"c\nd\n"]

    class Slow(io.RawIOBase):
        """Two parts; what was printed is looked at before the second."""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if len(parts) == 1:
                shown.append(capsysbinary.readouterr().out)
            part = parts.pop(0) if parts else b""
            memoryview(buffer)[: len(part)] = part
            return len(part)

    ended = cli("embed", "-q", "-b", "1", "-f", "raw", "-i", "-", stdin=io.BufferedReader(Slow()))
    assert ended.code == 0
    assert len(shown[0].splitlines()) >= 1


@pytest.mark.parametrize("words", READ_ONE_TEXT, ids=" ".join)
def test_a_pipe_is_the_text_where_none_is_given(cli: Cli, words: tuple[str, ...]) -> None:
    given = cli(*words, CAT)
    assert given.code == 0
    assert cli(*words, stdin=CAT.encode() + b"\n").stdout == given.stdout
    assert cli(*words, "-", stdin=CAT.encode() + b"\n").stdout == given.stdout
    assert cli(*words, CAT, stdin=b"not read").stdout == given.stdout


@pytest.mark.parametrize("words", [*READ_ONE_TEXT, ("embed",), ("tokens", "decode")], ids=" ".join)
def test_an_empty_pipe_is_an_error(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words, stdin=b"")
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: stdin is empty; give ")


@pytest.mark.parametrize("words", [*READ_ONE_TEXT[1:], ("embed",), ("tokens", "decode")], ids=" ".join)
def test_no_text_and_no_pipe(cli: Cli, words: tuple[str, ...]) -> None:
    ended = cli(*words)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: give ")


def test_several_texts_from_a_pipe(cli: Cli, tmp_path: Path) -> None:
    stdin = f"{CAT}\n{DOG}\n".encode()
    assert [row["sentence"] for row in cli("embed", stdin=stdin).json] == [CAT, DOG]
    assert cli("similarity", "--json", stdin=stdin).stdout == cli("similarity", "--json", CAT, DOG).stdout
    ended = cli("similarity", stdin=stdin + b"more\n")
    assert (ended.code, "got 3 on stdin" in ended.err) == (2, True)
    (tmp_path / "a.txt").write_bytes(stdin)
    counted = cli("tokens", "count", "-i", tmp_path / "a.txt").out
    assert cli("tokens", "count", stdin=stdin).out == counted
    assert cli("tokens", "count", stdin=b"").lines[0] == "Total tokens:    8,192"


def test_files_count_in_their_order(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,one\n")
    (tmp_path / "b.tsv").write_text("text\ntwo\n")
    (tmp_path / "c.json").write_text('["three", {"text": "four"}]')
    files = [word for name in ("b.tsv", "a.csv", "c.json") for word in ("-i", tmp_path / name)]
    ended = cli("embed", "-q", "zero", *files, "-i", "-", stdin=b"five")
    assert [row["sentence"] for row in ended.json] == ["zero", "two", "one", "three", "four", "five"]
    missing = cli("embed", *files, "-i", tmp_path / "none.txt", "-o", tmp_path / "out")
    assert (missing.code, missing.err) == (3, f"error: --input: {tmp_path / 'none.txt'}: no such file\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("lines", b"one\ntwo"),
        ("csv", b'text,id\n"one",1\n"two",2\n'),
        ("tsv", b"id\ttext\n1\tone\n2\ttwo\n"),
        ("jsonl", b'{"text": "one"}\n{"text": "two"}\n'),
        ("json", b'["one", {"text": "two"}]'),
    ],
)
def test_every_format_can_come_from_a_pipe(cli: Cli, form: str, content: bytes) -> None:
    for words in ((), ("-i", "-")):
        rows = cli("embed", "--input-format", form, *words, stdin=content).json
        assert [row["sentence"] for row in rows] == ["one", "two"]
    if form != "lines":
        (row,) = cli(
            "embed", "--input-format", form, "--column", "x", stdin=content.replace(b"text", b"x")
        ).json[1:]
        assert row["sentence"] == "two"


def test_a_format_goes_before_the_end_of_a_name(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"text"\n')
    (row,) = cli("embed", "--input-format", "lines", "-i", tmp_path / "a.csv").json
    assert row["sentence"] == '"text"'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "one"}', "expected a JSON array"),
        ("[1]", "item 1: it is not a text"),
        ('[{"text": 1}]', "item 1: 'text' is not a text"),
        ('["a", {"id": "1"}]', "item 2: no column 'text'; it has 'id'"),
        ("[", "is not JSON"),
        ("[" * 100_000, "is nested too deep"),
        ('["\\x"]', "is not JSON"),
    ],
)
def test_a_damaged_array(cli: Cli, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    ended = cli("embed", "-i", tmp_path / "a.json")
    assert (ended.code, ended.stdout) == (3, b"")
    assert message in ended.err


def test_an_array_that_is_too_large(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_JSON_BYTES", 7)
    (tmp_path / "a.json").write_text('["abcd"]')
    assert "over 7 bytes" in cli("embed", "-i", tmp_path / "a.json").err


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "npy", "raw"])
@pytest.mark.parametrize("name", ["s.jsonl", "s.json"])
def test_half_of_a_surrogate_pair_is_replaced_and_told_once(
    cli: Cli, tmp_path: Path, embedder: hornbook.Embedder, name: str, form: str
) -> None:
    items = ['{"text": "a\\ud83d"}', '{"text": "\\ude00b\\ud83d\\ude00"}']
    (tmp_path / name).write_text("\n".join(items) if name == "s.jsonl" else f"[{','.join(items)}]")
    ended = cli("embed", "-i", tmp_path / name, "-f", form)
    assert ended.code == 0
    assert len([line for line in ended.err.splitlines() if "surrogate" in line]) == 1
    assert f"{tmp_path / name}: {'line' if name == 's.jsonl' else 'item'} 1: " in ended.err
    if form == "json":
        assert [row["sentence"] for row in ended.json] == ["a\ufffd", "\ufffdb😀"]
    if form == "npy":
        vectors = np.load(io.BytesIO(ended.stdout))
        np.testing.assert_array_equal(vectors, embedder.encode(["a\ufffd", "\ufffdb😀"]))


def test_a_name_that_is_not_utf8_is_printed(cli: Cli, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")
    Path(name).write_text("The cat")
    ended = cli("tokens", "count", "-i", name, "-i", name)
    assert (ended.code, "\\udcff.txt" in ended.out) == (0, True)
    assert json.loads(cli("tokens", "count", "--json", "-i", name).stdout)[0]["file"] == name


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(b"one\ntwo\n", mtime=0), "compressed by gzip; unpack it first"),
        (b"%PDF-1.7\n\n\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\x93NUMPY\x01\x00", "a NumPy array (.npy)"),
    ],
)
@pytest.mark.parametrize("words", [("embed", "-i"), ("tokens", "count", "-i")], ids=" ".join)
@pytest.mark.parametrize("name", ["a.txt", "a.json"])
def test_a_file_that_is_no_text_is_named_as_what_it_is(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    ended = cli(*words, tmp_path / name)
    assert (ended.code, ended.stdout) == (3, b"")
    assert ended.err == f"error: {tmp_path / name}: expected text, this is {kind}\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,text\n1,2\n", "column 'text' exists twice"),
        ("a.jsonl", '{"text": "a"}\n{"txt": "b"}\n', "line 2: no key 'text', which the lines before have"),
    ],
)
def test_errors_about_columns(cli: Cli, tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    ended = cli("embed", "-i", tmp_path / name)
    assert ended.code == 3
    assert message in ended.err


def test_a_long_integer_beside_the_text(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": "a", "n": {"9" * 5000}}}\n')
    assert cli("embed", "-i", tmp_path / "a.jsonl").code == 0


def test_a_text_that_is_too_long_is_located(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\nb\n" + " the" * 523 + "\nc\n")
    ended = cli("embed", "-i", tmp_path / "a.txt", "-b", "31")
    assert ended.code == 3
    assert f"error: {tmp_path / 'a.txt'}: line 3: encode: " in ended.err
    assert cli("embed", "--truncate", "-i", tmp_path / "a.txt").code == 0
