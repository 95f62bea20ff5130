"""How commands speak: results on stdout, notices and progress on stderr."""

import errno
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
from numpy.typing import NDArray

from hornbook.files import write_whole

__all__ = [
    "check_output",
    "float_list",
    "heading",
    "notice",
    "open_output",
    "print_json",
    "print_table",
    "track",
]

Item = TypeVar("Item")


def notice(message: str) -> None:
    """Says something on stderr, unless --quiet."""
    if not click.get_current_context().meta.get("quiet"):
        click.secho(message, err=True, dim=True)


def heading(text: str) -> None:
    """The title of a part of the result."""
    click.secho(text, bold=True)


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Iterable[Iterable[str]], *, indent: int = 2) -> None:
    """Columns, as wide as they need be."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo((" " * indent + "  ".join(cells)).rstrip())


def float_list(row: NDArray[Any]) -> list[float]:
    """Floats that print as short as float32 allows and read back as the same float32."""
    return [float(str(value)) for value in row]


def check_output(output: Path | None, source: str | None, *, force: bool) -> None:
    """Refuses to write over a file that is there, or that is being read.

    Raises:
        UsageError: the output exists and is not forced, or is the input.
        FileNotFoundError: its folder does not exist.
    """
    if output is None:
        return
    if not output.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no folder for the output", str(output.parent))
    if not output.exists():
        return
    if source is not None and Path(source).exists() and output.samefile(source):
        raise click.UsageError(f"--output: {output} is the input; choose another file")
    if not force:
        raise click.UsageError(f"--output: {output} exists; --force replaces it")


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Stdout, or a file that appears when it is complete."""
    if output is None:
        yield sys.stdout.buffer
        return
    with write_whole(output) as stream:
        yield stream


def track(items: Iterable[Item], *, total: int, description: str) -> Iterator[Item]:
    """Passes items on and shows on a terminal how far it is, once that takes more than a moment."""
    if not sys.stderr.isatty() or click.get_current_context().meta.get("quiet"):
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(
        items, total=total, description=description, console=Console(stderr=True), transient=True
    )
