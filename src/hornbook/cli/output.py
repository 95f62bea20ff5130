"""How commands speak: results on stdout, notices and progress on stderr."""

import errno
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import click

from hornbook.cli.options import Settings
from hornbook.files import write_whole

__all__ = [
    "PATIENCE_S",
    "check_output",
    "heading",
    "notice",
    "open_output",
    "settings",
    "track",
    "write_text",
]

PATIENCE_S = 1.0
"""What takes no longer needs no progress bar."""

Item = TypeVar("Item")


def settings() -> Settings:
    """Those of the command that runs."""
    return click.get_current_context().ensure_object(Settings)


def notice(message: str) -> None:
    """Says something on stderr, unless --quiet."""
    if not settings().quiet:
        click.secho(message, err=True, dim=True, color=settings().color)


def heading(text: str) -> None:
    """The title of a part of the result."""
    click.secho(text, bold=True, color=settings().color)


def write_text(text: str, *, bold: bool = False) -> None:
    """Prints a text as it is, at once and without a line end.

    `click.echo` would take escape sequences out of it; they belong to the text.
    """
    if bold and text and sys.stdout.isatty() and settings().color is None:
        text = click.style(text, bold=True)
    sys.stdout.write(text)
    sys.stdout.flush()


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
    if not output.is_file():
        return
    if source is not None and Path(source).exists() and output.samefile(source):
        raise click.UsageError(f"--output: {output} is the input; choose another file")
    if not force:
        raise click.UsageError(f"--output: {output} exists; --force replaces it")


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Stdout, or a file that appears when it is complete.

    A device or a pipe is written to; it would be wrong to put a file in its place.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif output.exists() and not output.is_file():
        with output.open("wb") as stream:
            yield stream
    else:
        with write_whole(output.resolve()) as stream:
            yield stream


def track(items: Iterable[Item], *, total: int, description: str, hidden: bool) -> Iterator[Item]:
    """Passes items on and shows on a terminal how far it is, once that takes more than a moment.

    Args:
        items: what is worked on.
        total: how many there are.
        description: a word before the bar.
        hidden: show nothing, because results go to the same terminal.
    """
    iterator = iter(items)
    if hidden or settings().quiet or not sys.stderr.isatty():
        yield from iterator
        return
    started, done = time.monotonic(), 0
    while time.monotonic() - started < PATIENCE_S and done < total:
        yield next(iterator)
        done += 1
    if done < total:
        yield from _show_progress(iterator, done, total, description)


def _show_progress(items: Iterator[Item], done: int, total: int, description: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True, no_color=settings().color is False)
    yield from rich_track(
        items, total=total, completed=done, description=description, console=console, transient=True
    )
