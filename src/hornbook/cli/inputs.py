"""The texts of files and of stdin, one after the other: only a .json is in memory as a whole."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click

from hornbook.cli.output import notice
from hornbook.cli.problems import naming
from hornbook.cli.text import MAX_TEXT_BYTES, STDIN, decode_utf8, open_source, open_stdin, read_bounded
from hornbook.errors import DataError
from hornbook.file_kinds import BEGINNING_BYTES

__all__ = ["FORMATS", "Located", "TextReader"]

FORMATS = ("lines", "csv", "tsv", "jsonl", "json")
SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}
USUAL_COLUMNS = ("text", "sentence", "sentence1")
MAX_JSON_BYTES = 1 << 28
"""The largest .json, which must be read as a whole; .jsonl has no limit."""


@dataclass(frozen=True)
class Located:
    """A text and its location, such as `pairs.tsv: line 7`; None for a text of the command line."""

    text: str
    where: str | None = None


class TextReader:
    """The texts of several files, in their order.

    Args:
        sources: paths; `-` is stdin.
        column: which column or key; else the first of text, sentence, sentence1 that exists.
        form: one of FORMATS for all files; None to go by the end of each name, with lines for stdin.

    Attributes:
        size_bytes: of all files together; None where one is a pipe.
        done_bytes: how much is read.

    Raises:
        DataError: a file is missing, or a folder.
        UsageError: a column is named, and a file has no columns.
    """

    def __init__(self, sources: Sequence[str], column: str | None = None, form: str | None = None) -> None:
        self._sources = [(source, form or _form_of(source)) for source in sources]
        self._column = column
        self.done_bytes = 0
        self.size_bytes = _size_of(sources)
        for source, kind in self._sources:
            if column is not None and kind == "lines":
                raise click.UsageError(
                    f"--column: {_name_of(source)} has no columns; only csv, tsv, json and jsonl have; "
                    "--input-format says what a file is"
                )

    def __iter__(self) -> Iterator[Located]:
        """The texts.

        Raises:
            DataError: a file is damaged or has no such column; the message names the line.
            OSError: a file cannot be read.
        """
        for source, form in self._sources:
            name = _name_of(source)
            if source == STDIN:
                yield from self._read(open_stdin(), name, form)
                continue
            with open_source(source) as stream:
                yield from self._read(stream, name, form)

    def _read(self, stream: BinaryIO, name: str, form: str) -> Iterator[Located]:
        if form == "json":
            content = read_bounded(stream, name, MAX_JSON_BYTES)
            self.done_bytes += len(content)
            texts = _read_array(decode_utf8(content, name), self._column, name)
        else:
            texts = READERS[form](self._lines(stream, name), self._column, name)
        yield from _well_formed(texts, name)

    def _lines(self, stream: BinaryIO, name: str) -> Iterator[str]:
        """Lines with their ends; LF ends one, no other character does."""
        number, beginning = 1, b""
        while True:
            with naming(name):
                line = stream.readline(MAX_TEXT_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_TEXT_BYTES:
                raise DataError(
                    f"{name}: line {number} has over {MAX_TEXT_BYTES:,} bytes; is this a text file?"
                )
            self.done_bytes += len(line)
            if len(beginning) < BEGINNING_BYTES:
                beginning += line[:BEGINNING_BYTES]
            yield decode_utf8(line, name, number, beginning)
            number += 1


def _form_of(source: str) -> str:
    return SUFFIXES.get(Path(source).suffix.lower(), "lines")


def _name_of(source: str) -> str:
    return "stdin" if source == STDIN else source


def _size_of(sources: Sequence[str]) -> int | None:
    """Bytes of all files; None where one is a pipe or device.

    Raises:
        DataError: a file is missing, or a folder.
    """
    size: int | None = 0
    for source in sources:
        path = Path(source)
        if source != STDIN and (not path.exists() or path.is_dir()):
            open_source(source).close()
        is_file = source != STDIN and path.is_file()
        size = size + path.stat().st_size if is_file and size is not None else None
    return size


def _well_formed(texts: Iterable[Located], name: str) -> Iterator[Located]:
    """Halves of surrogate pairs, which JSON can spell and which stand for no character, become U+FFFD."""
    told = False
    for item in texts:
        try:
            item.text.encode()
        except UnicodeEncodeError:
            if not told:
                notice(f"{item.where}: half of a surrogate pair, which is no character, is read as U+FFFD")
            told = True
            text = item.text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            yield Located(text, item.where)
        else:
            yield item


def _read_lines(lines: Iterable[str], _: str | None, name: str) -> Iterator[Located]:
    for number, line in enumerate(lines, 1):
        yield Located(line.removesuffix("\n").removesuffix("\r"), f"{name}: line {number}")


def _read_csv(lines: Iterable[str], column: str | None, name: str) -> Iterator[Located]:
    return _read_table(csv.reader(_rows(lines), strict=True), column, name)


def _read_tsv(lines: Iterable[str], column: str | None, name: str) -> Iterator[Located]:
    return _read_table(csv.reader(_rows(lines), delimiter="\t", quoting=csv.QUOTE_NONE), column, name)


def _rows(lines: Iterable[str]) -> Iterator[str]:
    """Lines that may end in CR alone as well."""
    for line in lines:
        yield from io.StringIO(line, newline="")


def _read_table(reader: Any, column: str | None, name: str) -> Iterator[Located]:
    csv.field_size_limit(MAX_TEXT_BYTES)
    try:
        header: list[str] = next(reader, [])
        index = header.index(_choose_column(header, column, name))
        for row in reader:
            if row and len(row) != len(header):
                raise DataError(
                    f"{name}: line {reader.line_num} has {len(row)} columns, the header has {len(header)}"
                )
            if row:
                yield Located(row[index], f"{name}: line {reader.line_num}")
    except csv.Error as error:
        raise DataError(f"{name}: line {reader.line_num}: {error}") from None


def _read_json_lines(lines: Iterable[str], column: str | None, name: str) -> Iterator[Located]:
    key = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}: line {number}"
        row = _parse_json(line, where)
        if not isinstance(row, dict):
            raise DataError(f"{where}: expected a JSON object")
        if key is not None and key not in row:
            raise DataError(f"{where}: no key {key!r}, which the lines before have; it has {_listed(row)}")
        key = key or _choose_column(row, column, where)
        yield Located(_checked_text(row[key], repr(key), where), where)


def _read_array(text: str, column: str | None, name: str) -> Iterator[Located]:
    items = _parse_json(text, name)
    if not isinstance(items, list):
        raise DataError(
            f"{name}: expected a JSON array of texts or objects; --input-format says what a file is"
        )
    for number, item in enumerate(items, 1):
        where = f"{name}: item {number}"
        if isinstance(item, dict):
            key = _choose_column(item, column, where)
            yield Located(_checked_text(item[key], repr(key), where), where)
        else:
            yield Located(_checked_text(item, "it", where), where)


READERS: dict[str, Callable[[Iterable[str], str | None, str], Iterator[Located]]] = {
    "lines": _read_lines,
    "csv": _read_csv,
    "tsv": _read_tsv,
    "jsonl": _read_json_lines,
}


def _parse_json(text: str, where: str) -> Any:
    """A JSON value; integers of any length, as floats, because only texts are wanted."""
    try:
        return json.loads(text, parse_int=float)
    except RecursionError:
        raise DataError(f"{where} is nested too deep") from None
    except ValueError:
        raise DataError(f"{where} is not JSON") from None


def _checked_text(value: Any, what: str, where: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{where}: {what} is not a text")
    return value


def _choose_column(columns: Collection[str], wanted: str | None, name: str) -> str:
    chosen = next((c for c in ([wanted] if wanted else USUAL_COLUMNS) if c in columns), None)
    if chosen is None:
        raise DataError(
            f"{name}: no column {wanted or 'text'!r}; it has {_listed(columns)}; choose one with --column"
        )
    if list(columns).count(chosen) > 1:
        raise DataError(f"{name}: column {chosen!r} exists twice; rename one of them")
    return chosen


def _listed(columns: Collection[str]) -> str:
    return ", ".join(map(repr, columns)) or "none"
