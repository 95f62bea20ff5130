"""`hornbook embed`: each format reads back to the vectors of the library, to the last bit."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

import hornbook

Cli: TypeAlias = Callable[..., Any]

FOX = "The quick brown fox jumps over the lazy dog"
TEXTS = [
    "The cat sat.",
    "",
    'He said "no, thanks"',
    " tab\there",
    "日本語 and more words than the others",
    FOX,
    "x",
]


def read_json(stdout: bytes) -> list[Any]:
    value = json.loads(stdout)
    return value if isinstance(value, list) else [value]


def read_csv(stdout: bytes) -> list[Any]:
    header, *rows = csv.reader(io.StringIO(stdout.decode(), newline=""))
    assert header == ["sentence", *map(str, range(256))]
    return [{"sentence": row[0], "embedding": row[1:], "dimensions": 256} for row in rows]


READERS: dict[str, Callable[[bytes], list[Any]]] = {
    "json": read_json,
    "ndjson": lambda stdout: [json.loads(line) for line in stdout.splitlines()],
    "csv": read_csv,
    "npy": lambda stdout: [{"embedding": row} for row in np.load(io.BytesIO(stdout), allow_pickle=False)],
    "raw": lambda stdout: [{"embedding": line.split()} for line in stdout.splitlines()],
}


def vectors_of(rows: list[Any]) -> NDArray[Any]:
    return np.array([row["embedding"] for row in rows], dtype=np.float32).reshape(len(rows), -1)


def test_the_line_of_the_seed(cli: Cli, embedder: hornbook.Embedder) -> None:
    ended = cli("embed", "--sentence", FOX)
    assert ended.code == 0
    assert list(ended.json) == ["sentence", "embedding", "dimensions"]
    assert ended.json["sentence"] == FOX
    assert ended.json["dimensions"] == 256
    np.testing.assert_array_equal(np.float32(ended.json["embedding"]), embedder.encode(FOX))
    assert len(ended.lines) == 5  # the vector on one line


@pytest.mark.parametrize("form", READERS)
def test_formats_read_back_to_the_same_floats(cli: Cli, embedder: hornbook.Embedder, form: str) -> None:
    ended = cli("embed", "-q", "--format", form, *TEXTS)
    rows = READERS[form](ended.stdout)
    np.testing.assert_array_equal(vectors_of(rows), embedder.encode(TEXTS))
    assert [row.get("sentence", text) for row, text in zip(rows, TEXTS, strict=True)] == TEXTS
    assert all(row.get("dimensions", 256) == 256 for row in rows)


def test_npy_is_float32_of_all_texts(cli: Cli) -> None:
    array = np.load(io.BytesIO(cli("embed", "-f", "npy", *TEXTS).stdout))
    assert (array.dtype, array.shape) == (np.float32, (len(TEXTS), 256))


def test_arguments_come_before_sentences_before_the_input(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("c\nd\n")
    ended = cli("embed", "a", "--sentence", "b", "-i", tmp_path / "texts.txt", "--sentence", "bb")
    assert [row["sentence"] for row in ended.json] == ["a", "b", "bb", "c", "d"]


def test_one_text_is_an_object_and_one_line_of_a_file_a_list(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a\n")
    assert cli("embed", "a").json["sentence"] == "a"
    assert [row["sentence"] for row in cli("embed", "-i", tmp_path / "texts.txt").json] == ["a"]


def test_dash_is_one_text_and_input_dash_is_lines(cli: Cli) -> None:
    assert cli("embed", "-", stdin=b"a\nb\n").json["sentence"] == "a\nb"
    assert [row["sentence"] for row in cli("embed", "-i", "-", stdin=b"a\nb\n").json] == ["a", "b"]
    for arguments in (("-", "-"), ("-", "-i", "-")):
        ended = cli("embed", *arguments, stdin=b"a")
        assert ended.code == 2
        assert "only once" in ended.err


@pytest.mark.parametrize("form", READERS)
def test_no_texts_at_all(cli: Cli, form: str) -> None:
    ended = cli("embed", "-i", "-", "-f", form)
    assert ended.code == 0
    assert READERS[form](ended.stdout) == []
    if form == "npy":
        assert np.load(io.BytesIO(ended.stdout)).shape == (0, 256)


def test_one_empty_text(cli: Cli, embedder: hornbook.Embedder) -> None:
    rows = cli("embed", "-i", "-", stdin=b"\n").json
    assert [row["sentence"] for row in rows] == [""]
    np.testing.assert_array_equal(vectors_of(rows)[0], embedder.encode(""))


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batch_size_changes_nothing(cli: Cli, embedder: hornbook.Embedder, size: int) -> None:
    stdin = "\n".join(TEXTS).encode()
    rows = cli("embed", "-b", str(size), "-i", "-", stdin=stdin).json
    assert [row["sentence"] for row in rows] == TEXTS
    np.testing.assert_allclose(vectors_of(rows), embedder.encode(TEXTS), rtol=0, atol=1e-5)


def test_normalize(cli: Cli) -> None:
    vectors = vectors_of(cli("embed", "--normalize", *TEXTS).json)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_texts_that_are_too_long_are_refused_or_cut(cli: Cli, embedder: hornbook.Embedder) -> None:
    long = " the" * 523
    ended = cli("embed", "-q", "-", stdin=long.encode())
    assert (ended.code, ended.stdout) == (3, b"")
    assert "523" in ended.err
    assert "512" in ended.err
    cut = cli("embed", "--truncate", "-", stdin=long.encode()).json["embedding"]
    np.testing.assert_array_equal(np.float32(cut), embedder.encode(" the" * 512))


def test_notice_names_the_model(cli: Cli) -> None:
    assert cli("embed", "a").err == "tiny-lm: 5,387,776 parameters, 256 dimensions\n"
    assert cli("embed", "-q", "a").err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give texts, --sentence or --input FILE, or pipe texts in"),
        (("a", "--column", "text"), "--column: belongs to --input FILE"),
        (("-i", "-", "--column", "text"), "--column: stdin has no columns"),
        (("-b", "0", "a"), "--batch-size"),
        (("-f", "xml", "a"), "--format"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ended = cli("embed", *arguments)
    assert (ended.code, ended.stdout) == (2, b"")
    assert message in ended.err


def test_output_file(cli: Cli, tmp_path: Path) -> None:
    output = tmp_path / "vectors.json"
    ended = cli("embed", "-o", output, "a", "b")
    assert (ended.code, ended.stdout) == (0, b"")
    assert output.read_bytes() == cli("embed", "a", "b").stdout
    assert cli("embed", "-o", "-", "a", "b").stdout == output.read_bytes()


def test_output_that_exists_is_replaced_by_force_only(cli: Cli, tmp_path: Path) -> None:
    output = tmp_path / "vectors.json"
    output.write_text("mine")
    ended = cli("embed", "-o", output, "a")
    assert ended.code == 2
    assert f"{output} exists; --force replaces it" in ended.err
    assert output.read_text() == "mine"
    assert cli("embed", "-o", output, "--force", "a").code == 0
    assert json.loads(output.read_bytes())["sentence"] == "a"


def test_output_that_is_the_input_is_refused_even_with_force(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "texts.txt"
    source.write_text("a\n")
    (tmp_path / "link").symlink_to(source)
    for output in (source, tmp_path / "link"):
        ended = cli("embed", "-i", source, "-o", output, "--force")
        assert ended.code == 2
        assert "is the input" in ended.err
        assert source.read_text() == "a\n"


def test_output_in_a_folder_that_is_missing(cli: Cli, tmp_path: Path) -> None:
    ended = cli("embed", "-o", tmp_path / "none" / "vectors.json", "a")
    assert ended.code == 5
    assert ended.err == f"error: the output's folder does not exist: {tmp_path / 'none'}\n"


def test_output_is_whole_or_not_there(cli: Cli, tmp_path: Path) -> None:
    stdin = b"a\n" * 41 + b" the" * 523
    ended = cli("embed", "-b", "5", "-i", "-", "-o", tmp_path / "vectors.json", stdin=stdin)
    assert ended.code == 3
    assert list(tmp_path.iterdir()) == []


def test_output_through_a_link_and_into_a_pipe(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert cli("embed", "-o", tmp_path / "link", "a").code == 0
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real").read_bytes())["sentence"] == "a"

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert cli("embed", "-o", pipe, "a").code == 0
    assert json.loads(os.read(reader, 1 << 16))["sentence"] == "a"
    os.close(reader)
    assert pipe.is_fifo()
