"""The texts of files, a piece at a time, so that a corpus is never in memory as a whole.

Tables (.tsv) give the cells that are text. Any other file is one text, given in pieces that divide no word:
each ends after a letter or digit that white space follows. No pattern for words matches across such a
boundary, and nothing before it depends on what follows.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

from hornbook.errors import DataError

__all__ = ["MAX_PIECE", "find_tables", "read_texts"]

BLOCK_BYTES = 1 << 20
MAX_PIECE = 1 << 24
"""The most characters of a row, and of a piece; a text without white space is divided after that many."""

NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?%?")
NAME = re.compile(r"#?\w[\w.-]*(?: \w[\w.-]*)?")
"""What a column may be called: a word or two without punctuation, such as "#1 ID"."""


def find_tables(folder: str | PathLike[str]) -> list[Path]:
    """Every *.tsv in a folder, sorted by name; subfolders are not searched.

    Raises:
        DataError: The folder does not exist, or has no *.tsv.
    """
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; expected a folder with *.tsv files")
    tables = sorted(found for found in path.iterdir() if found.suffix.lower() == ".tsv" and found.is_file())
    if not tables:
        raise DataError(f"{path}: no *.tsv file in this folder; name another folder, or the files themselves")
    return tables


def read_texts(paths: Iterable[str | PathLike[str]]) -> Iterator[str]:
    """The texts of files; for a folder, those of its tables.

    In a table every cell is a text of its own, unless it is empty or a number, as ids, labels and scores
    are. Cells are separated by tabs; quotes belong to the text; lines may end in CR LF. The first row is a
    header, and skipped, if its cells are names: a word or two without punctuation, all distinct, none a
    number.

    Any other file is a text, with its line ends as they are.

    Args:
        paths: Files and folders; they are read in this order.

    Yields:
        Texts of up to about 1 MB; more only if a text has no white space to divide it at.

    Raises:
        DataError: A file is missing, binary, or not UTF-8, a row is longer than 16 million characters, or a
            folder has no tables. The message names file and line.
        OSError: A file cannot be read.
    """
    for path in map(Path, paths):
        for file in find_tables(path) if path.is_dir() else [path]:
            yield from _cells(file) if file.suffix.lower() == ".tsv" else _pieces(file)


def _blocks(path: Path) -> Iterator[str]:
    """A file decoded, about a megabyte at a time, without a byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    lines_before = 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                if b"\0" in block:
                    line = lines_before + block.count(b"\n", 0, block.index(b"\0")) + 1
                    raise DataError(f"{path}: line {line} has a zero byte; expected text, got a binary file")
                yield decoder.decode(block)
                lines_before += block.count(b"\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        line = lines_before + problem.object.count(b"\n", 0, problem.start) + 1
        raise DataError(f"{path}: line {line} is not UTF-8; convert the file first") from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None


def _pieces(path: Path) -> Iterator[str]:
    """A text in pieces that divide no word."""
    rest = ""
    for block in _blocks(path):
        piece = rest + block
        cut = _last_boundary(piece, len(rest))
        if cut is None and len(piece) >= MAX_PIECE:
            cut = len(piece)
        if cut is None:
            rest = piece
            continue
        yield piece[:cut]
        rest = piece[cut:]
    if rest:
        yield rest


def _last_boundary(text: str, begin: int) -> int | None:
    """The last index from `begin` on that has white space, with a letter or digit before it."""
    for index in range(len(text) - 1, max(begin, 1) - 1, -1):
        if text[index].isspace() and text[index - 1].isalnum():
            return index
    return None


def _cells(path: Path) -> Iterator[str]:
    for number, line in enumerate(_lines(path)):
        cells = line.split("\t")
        if number > 0 or not _is_header(cells):
            yield from (cell for cell in cells if cell and not cell.isspace() and not NUMBER.fullmatch(cell))


def _is_header(cells: list[str]) -> bool:
    are_names = all(NAME.fullmatch(cell) and not NUMBER.fullmatch(cell) for cell in cells)
    return are_names and len(set(cells)) == len(cells)


def _lines(path: Path) -> Iterator[str]:
    """Lines without their ends, which are LF or CR LF and nothing else."""
    rest, number = "", 1
    for block in _blocks(path):
        *lines, rest = (rest + block).split("\n")
        number += len(lines)
        yield from (line.removesuffix("\r") for line in lines)
        if len(rest) > MAX_PIECE:
            raise DataError(f"{path}: line {number} has over {MAX_PIECE} characters; is this a table?")
    if rest:
        yield rest.removesuffix("\r")
