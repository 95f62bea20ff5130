"""Texts from the command line, from stdin, and from files."""

import csv
import io
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import click

from hornbook.errors import DataError

__all__ = ["STDIN", "read_argument", "read_arguments", "read_texts", "read_whole"]

STDIN = "-"
USUAL_COLUMNS = ("text", "sentence", "sentence1")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = {".jsonl", ".ndjson"}


def read_argument(text: str) -> str:
    """The text itself, or for `-` all of stdin without its last line end.

    Raises:
        DataError: it is not UTF-8.
        UsageError: stdin is closed.
    """
    if text != STDIN:
        return _checked(text)
    read = _decode(_read_stdin(), "stdin")
    return read.removesuffix("\r\n" if read.endswith("\r\n") else "\n")


def _checked(text: str) -> str:
    """Python marks bytes of an argument that are not UTF-8 by halves of surrogate pairs."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise DataError(
            f"TEXT: not UTF-8 at character {problem.start}; in which encoding is the terminal?"
        ) from None
    return text


def read_arguments(texts: Sequence[str]) -> list[str]:
    """`read_argument` for several, of which at most one is stdin.

    Raises:
        UsageError: stdin is named twice.
    """
    if texts.count(STDIN) > 1:
        raise click.UsageError("`-` is given twice; stdin can be read only once")
    return [read_argument(text) for text in texts]


def read_texts(source: str, column: str | None) -> list[str]:
    """The texts of a file, or for `-` of stdin.

    Args:
        source: .csv and .tsv have a header line, .jsonl an object on each line; all else a text on each line.
        column: which column or key; else the first of text, sentence, sentence1 that is there.

    Raises:
        DataError: the file is missing or damaged or has no such column; the message names the line.
        OSError: it cannot be read.
        UsageError: a column is named where there are none.
    """
    suffix = Path(source).suffix.lower()
    has_columns = suffix in DELIMITERS or suffix in JSON_LINES
    if column is not None and not has_columns:
        name = "stdin" if source == STDIN else source
        raise click.UsageError(f"--column: {name} has no columns; only .csv, .tsv and .jsonl files have")
    if source == STDIN:
        return _lines(_decode(_read_stdin(), "stdin"))
    text = _decode(_read_file(source), source)
    if suffix in DELIMITERS:
        return list(_read_table(text, DELIMITERS[suffix], column, source))
    if suffix in JSON_LINES:
        return list(_read_json_lines(text, column, source))
    return _lines(text)


def read_whole(source: str) -> str:
    """A file, or for `-` stdin, as one text with its line ends as they are.

    Raises:
        DataError: the file is missing, a folder, or not UTF-8.
        OSError: it cannot be read.
    """
    return _decode(_read_stdin() if source == STDIN else _read_file(source), source)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise click.UsageError("`-` is stdin, and stdin is closed")
    return sys.stdin.buffer.read()


def _read_file(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except FileNotFoundError:
        raise DataError(f"--input: {source}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"--input: {source} is a folder; name a file in it") from None


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}: line {line} is not UTF-8; convert the file first") from None


def _lines(text: str) -> list[str]:
    """Lines as files have them: LF and CR LF end one, no other character does."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _read_table(text: str, delimiter: str, column: str | None, name: str) -> Iterator[str]:
    csv.field_size_limit(max(len(text), csv.field_size_limit()))  # a whole file may be one field
    lines = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        key = _choose_column(reader.fieldnames or (), column, name)
        for row in reader:
            if None in row or None in row.values():
                raise DataError(
                    f"{name}: line {reader.line_num} has another number of columns than the header"
                )
            yield row[key]
    except csv.Error as error:
        raise DataError(f"{name}: line {reader.reader.line_num}: {error}") from None


def _read_json_lines(text: str, column: str | None, name: str) -> Iterator[str]:
    key = None
    for number, line in enumerate(_lines(text), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{name}: line {number} is not JSON") from None
        if not isinstance(row, dict):
            raise DataError(f"{name}: line {number}: expected a JSON object")
        key = _choose_column(row, key or column, f"{name}: line {number}")
        if not isinstance(row[key], str):
            raise DataError(f"{name}: line {number}: {key!r} is not a text")
        yield row[key]


def _choose_column(columns: Collection[str], wanted: str | None, name: str) -> str:
    chosen = next((c for c in ([wanted] if wanted else USUAL_COLUMNS) if c in columns), None)
    if chosen is None:
        listed = ", ".join(map(repr, columns)) or "none"
        raise DataError(
            f"{name}: no column {wanted or 'text'!r}; there are {listed}; choose one with --column"
        )
    return chosen
