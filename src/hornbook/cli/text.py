"""Texts from the command line, from stdin, and from files."""

import csv
import io
import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import click

from hornbook.errors import DataError

__all__ = ["STDIN", "read_argument", "read_texts"]

STDIN = "-"
USUAL_COLUMNS = ("text", "sentence", "sentence1")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = {".jsonl", ".ndjson"}


def read_argument(text: str) -> str:
    """The text itself, or for `-` all of stdin without its last line end.

    Raises:
        DataError: stdin is not UTF-8.
    """
    if text != STDIN:
        return text
    return _decode(sys.stdin.buffer.read(), "stdin").removesuffix("\n").removesuffix("\r")


def read_texts(source: str, column: str | None) -> list[str]:
    """The texts of a file, or for `-` of stdin.

    Args:
        source: .csv and .tsv have a header line, .jsonl an object on each line; all else a text on each line.
        column: which column or key; else the first of text, sentence, sentence1 that is there.

    Raises:
        DataError: the file is damaged or has no such column; the message names the line.
        OSError: it cannot be read.
        UsageError: a column is named where there are none.
    """
    if source == STDIN:
        name, suffix, content = "stdin", "", sys.stdin.buffer.read()
    else:
        name, suffix, content = source, Path(source).suffix.lower(), Path(source).read_bytes()
    text = _decode(content, name)
    if suffix in DELIMITERS:
        return list(_read_table(text, DELIMITERS[suffix], column, name))
    if suffix in JSON_LINES:
        return list(_read_json_lines(text, column, name))
    if column is not None:
        raise click.UsageError(f"--column: {name} has no columns; only .csv, .tsv and .jsonl have")
    return _lines(text)


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
    lines = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        key = _choose_column(reader.fieldnames or (), column, name)
        for row in reader:
            if row[key] is None or None in row:
                raise DataError(
                    f"{name}: line {reader.line_num} has another number of columns than the header"
                )
            yield row[key]
    except csv.Error as error:
        raise DataError(f"{name}: line {reader.line_num}: {error}") from None


def _read_json_lines(text: str, column: str | None, name: str) -> Iterator[str]:
    key = column
    for number, line in enumerate(_lines(text), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{name}: line {number} is not JSON") from None
        if not isinstance(row, dict):
            raise DataError(f"{name}: line {number}: expected a JSON object")
        key = key or _choose_column(row, None, name)
        if not isinstance(row.get(key), str):
            raise DataError(f"{name}: line {number}: no text under {key!r}")
        yield row[key]


def _choose_column(columns: Collection[str], wanted: str | None, name: str) -> str:
    chosen = next((c for c in ([wanted] if wanted else USUAL_COLUMNS) if c in columns), None)
    if chosen is None:
        listed = ", ".join(map(repr, columns)) or "none"
        raise DataError(
            f"{name}: no column {wanted or 'text'!r}; there are {listed}; choose one with --column"
        )
    return chosen
