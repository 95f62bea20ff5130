"""Texts from the command line and from stdin, one at a time and of limited size."""

import io
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import click

from hornbook.cli.problems import naming
from hornbook.errors import DataError
from hornbook.file_kinds import describe_kind

__all__ = [
    "BLOCK_BYTES",
    "MAX_DOCUMENT_BYTES",
    "MAX_TEXT_BYTES",
    "STDIN",
    "decode_utf8",
    "is_piped",
    "open_source",
    "open_stdin",
    "read_argument",
    "read_arguments",
    "read_bounded",
    "read_piped",
    "read_whole",
]

STDIN = "-"
MAX_TEXT_BYTES = 1 << 24
"""The largest text for a model: 16 MiB are millions of tokens, more than any model has positions."""

MAX_DOCUMENT_BYTES = 1 << 30
"""The largest text to tokenize, which takes about three times its size in memory."""

BLOCK_BYTES = 1 << 20


def read_argument(text: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text itself, or for `-` all of stdin without its last line end.

    Raises:
        DataError: it is not UTF-8, or longer than `max_bytes`.
        UsageError: stdin is closed.
    """
    if text != STDIN:
        return _checked(text)
    read = decode_utf8(read_bounded(open_stdin(), "stdin", max_bytes), "stdin")
    return read.removesuffix("\r\n" if read.endswith("\r\n") else "\n")


def read_arguments(texts: Sequence[str]) -> list[str]:
    """`read_argument` for several, of which at most one is stdin.

    Raises:
        UsageError: stdin is named twice.
    """
    if texts.count(STDIN) > 1:
        raise click.UsageError("`-` is given twice; stdin can be read only once")
    return [read_argument(text) for text in texts]


def read_piped(text: str | None, name: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str | None:
    """`read_argument`, or if no text is given, the text that is piped in; None if nothing is.

    Args:
        text: what was given.
        name: of the argument, for the message.
        max_bytes: the largest stdin that is read.

    Raises:
        UsageError: a pipe or file that is empty.
        DataError: see `read_argument`.
    """
    if text is not None:
        return read_argument(text, max_bytes=max_bytes)
    if not is_piped():
        return None
    piped = read_argument(STDIN, max_bytes=max_bytes)
    if not piped:
        raise click.UsageError(f"stdin is empty; give {name}, or pipe it in")
    return piped


def is_piped() -> bool:
    """Whether stdin is a pipe or a file; a terminal, a socket or /dev/null gives no texts by itself."""
    if sys.stdin is None:
        return False
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except io.UnsupportedOperation:
        return True
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def read_whole(source: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> str:
    """A file, or for `-` stdin, as one text with its line ends as they are.

    Raises:
        DataError: the file is missing, a folder, too large, or not UTF-8.
        OSError: it cannot be read.
    """
    name = "stdin" if source == STDIN else source
    if source == STDIN:
        return decode_utf8(read_bounded(open_stdin(), name, max_bytes), name)
    with open_source(source) as stream:
        return decode_utf8(read_bounded(stream, name, max_bytes), name)


def open_stdin() -> BinaryIO:
    """Stdin as bytes.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("`-` is stdin, and stdin is closed")
    return sys.stdin.buffer


def open_source(source: str) -> BinaryIO:
    """A file that --input names.

    Raises:
        DataError: it is missing, or a folder.
        OSError: it cannot be opened.
    """
    try:
        return Path(source).open("rb")
    except FileNotFoundError:
        raise DataError(f"--input: {source}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"--input: {source} is a folder; name a file in it") from None


def read_bounded(stream: BinaryIO, name: str, max_bytes: int) -> bytes:
    """All bytes of a stream, up to a limit.

    Raises:
        DataError: it has more than `max_bytes`, after which reading stops.
        OSError, MemoryError: they cannot be read or held; the message has the name.
    """
    content = io.BytesIO()
    with naming(name):
        while block := stream.read(min(BLOCK_BYTES, max_bytes + 1 - content.tell())):
            content.write(block)
    if content.tell() > max_bytes:
        raise DataError(f"{name}: over {max_bytes:,} bytes, expected at most that many; shorten or split it")
    return content.getvalue()


def decode_utf8(content: bytes, name: str, first_line: int = 1, beginning: bytes | None = None) -> str:
    """Bytes as text, without a byte order mark.

    Args:
        content: the bytes.
        name: where they come from.
        first_line: the number of their first line.
        beginning: the first bytes of the file that they are a part of; their own if not given.

    Raises:
        DataError: they are not UTF-8; the message names the kind of file, or else the line.
    """
    try:
        with naming(name):
            return content.decode("utf-8-sig" if first_line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        kind = describe_kind(content if beginning is None else beginning)
        if kind is not None:
            raise DataError(f"{name}: expected text, this is {kind}") from None
        line = first_line + content.count(b"\n", 0, error.start)
        raise DataError(f"{name}: line {line} is not UTF-8; convert the file first") from None


def _checked(text: str) -> str:
    """An argument decoded as UTF-8, whatever encoding the locale has.

    Python replaces bytes that it cannot decode by halves of surrogate pairs.
    """
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        pass
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        raise DataError(
            f"TEXT: not UTF-8 at character {problem.start}; which encoding does the terminal have?"
        ) from None
    return text
