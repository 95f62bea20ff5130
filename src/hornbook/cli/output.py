"""How commands speak: results on stdout, notices and progress on stderr."""

import errno
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from hornbook.cli.interrupts import remove_unfinished_files
from hornbook.cli.layout import shown
from hornbook.cli.options import Settings
from hornbook.cli.problems import naming
from hornbook.files import write_whole

__all__ = [
    "PATIENCE_S",
    "check_output",
    "heading",
    "notice",
    "open_output",
    "open_stdout",
    "settings",
    "track",
    "write_text",
]

PATIENCE_S = 1.0
"""Work that takes no longer needs no progress bar."""

Item = TypeVar("Item")


def settings() -> Settings:
    """The settings of the command that runs."""
    return click.get_current_context().ensure_object(Settings)


def notice(message: str) -> None:
    """Says something on stderr, unless --quiet; a stderr that is full or closed is no error."""
    if not settings().quiet:
        with suppress(OSError):
            click.secho(shown(message), err=True, dim=True, color=settings().color)


def heading(text: str) -> None:
    """The title of a part of the result."""
    click.secho(shown(text), bold=True, color=settings().color)


def write_text(text: str, *, bold: bool = False) -> None:
    """Prints a text as it is, at once and without a line end.

    `click.echo` would take escape sequences out of it; they belong to the text.
    """
    if bold and text and sys.stdout.isatty() and settings().color is None:
        text = click.style(text, bold=True)
    sys.stdout.write(text)
    sys.stdout.flush()


class Stdout(io.FileIO):
    """The stdout of this process: errors name it, and one that is closed fails only when it is written to."""

    def __init__(self, *, is_open: bool) -> None:
        self._is_open = is_open
        super().__init__(1 if is_open else os.devnull, "wb", closefd=not is_open)

    def write(self, data: Any, /) -> int:
        """Writes bytes; see `io.FileIO`."""
        if not self._is_open:
            raise OSError(errno.EBADF, "stdout is closed")
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "stdout") from None


def open_stdout() -> None:
    """Makes stdout UTF-8 whatever the locale is, and names it in errors."""
    is_open = sys.stdout is not None
    is_terminal = is_open and sys.stdout.isatty()
    stream = io.BufferedWriter(Stdout(is_open=is_open))
    sys.stdout = io.TextIOWrapper(stream, encoding="utf-8", line_buffering=is_terminal)


def check_output(output: Path | None, sources: Sequence[str], *, force: bool) -> None:
    """Refuses to overwrite a file that exists without --force, or that is an input.

    Raises:
        UsageError: the output exists and is not forced, or is an input.
        FileNotFoundError: its folder does not exist.
    """
    if output is None:
        return
    if not output.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the output's folder does not exist", str(output.parent))
    if not output.is_file():
        return
    if any(Path(source).exists() and output.samefile(source) for source in sources):
        raise click.UsageError(f"--output: {output} is the input; choose another file")
    if not force:
        raise click.UsageError(f"--output: {output} exists; --force replaces it")


@contextmanager
def open_output(output: Path | None) -> Iterator[BinaryIO]:
    """Stdout, or a file that appears when it is complete.

    A device or a pipe is written to, not replaced by a file.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif output.exists() and not output.is_file():
        with naming(str(output)), output.open("wb") as stream:
            yield stream
    else:
        remove_unfinished_files()
        with write_whole(output.resolve()) as stream:
            yield stream


def track(
    items: Iterable[Item],
    *,
    total: int | None,
    description: str,
    hidden: bool,
    done: Callable[[], int] | None = None,
) -> Iterator[Item]:
    """Passes items on and shows on a terminal how far it is, once that takes more than a moment.

    Args:
        items: what is worked on.
        total: how many items there are, or what `done` comes to at the end; None if that is not known.
        description: a word before the bar.
        hidden: show nothing, because results go to the same terminal.
        done: how far it is; the number of items if not given.
    """
    iterator = iter(items)
    if hidden or settings().quiet or not sys.stderr.isatty():
        yield from iterator
        return
    started, count = time.monotonic(), 0
    while time.monotonic() - started < PATIENCE_S:
        try:
            yield next(iterator)
        except StopIteration:
            return
        count += 1
    yield from _show_progress(iterator, count, total, description, done)


def _show_progress(
    items: Iterator[Item],
    count: int,
    total: int | None,
    description: str,
    done: Callable[[], int] | None,
) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, no_color=settings().color is False or None)
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(description, total=total, completed=done() if done else count)
        for item in items:
            yield item
            count += 1
            bars.update(task, completed=done() if done else count)
