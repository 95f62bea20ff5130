"""`hornbook`: the commands together, and what becomes of errors."""

import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TextIO

import click
from click.shell_completion import shell_complete

from hornbook.cli.bench import bench
from hornbook.cli.doctor import doctor
from hornbook.cli.embed import embed
from hornbook.cli.explain import explain
from hornbook.cli.generate import generate
from hornbook.cli.models import models
from hornbook.cli.options import Settings
from hornbook.cli.similarity import similarity
from hornbook.cli.tokens import tokens
from hornbook.errors import (
    CheckpointError,
    ContextLengthError,
    DataError,
    DownloadError,
    HornbookError,
    ModelFormatError,
    ShapeError,
    TokenizerError,
)

__all__ = ["cli", "main", "run"]

OK, BUG, USAGE, BAD_INPUT, NETWORK, ENVIRONMENT = range(6)
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143
"""As shells report SIGINT, SIGPIPE and SIGTERM."""

EXIT_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (
        (ModelFormatError, TokenizerError, ContextLengthError, DataError, CheckpointError, ShapeError),
        BAD_INPUT,
    ),
    (DownloadError, NETWORK),
    ((OSError, MemoryError), ENVIRONMENT),
    (HornbookError, USAGE),
)
"""The first that fits. A HornbookError that is none of the others is a setting out of range."""

COMPLETION = "_HORNBOOK_COMPLETE"


class OrderedGroup(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, for the help."""
        return list(self.commands)


@click.group(
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "HORNBOOK"},
)
@click.version_option(package_name="hornbook", prog_name="hornbook")
def cli() -> None:
    """GPT-2 from first principles: generate text, turn sentences into vectors, see how it works.

    `hornbook COMMAND --help` shows what a command takes. Every option can also be set by an environment
    variable, such as HORNBOOK_GENERATE_TEMPERATURE.

    \b
    Exit codes:
      0 ok    1 a bug here    2 wrong usage    3 bad input or data
      4 network, or not downloaded    5 disk, memory, permission
    """


for command in (generate, embed, similarity, explain, tokens, models, bench, doctor):
    cli.add_command(command)


def run() -> NoReturn:
    """The entry point of the installed command."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    if instruction := os.environ.get(COMPLETION):
        sys.exit(shell_complete(cli, {}, "hornbook", COMPLETION, instruction))
    warnings.showwarning = _show_warning
    if sys.stdout is None:
        sys.exit(_print_error("stdout is closed", ENVIRONMENT))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    code = main(sys.argv[1:])
    for stream in filter(None, (sys.stdout, sys.stderr)):
        _let_go(stream)
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code."""
    settings = Settings(color=False if os.environ.get("NO_COLOR") else None)
    try:
        with suppress(click.exceptions.Exit):  # how --help and --version end
            _invoke(arguments, settings)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.UsageError as error:
        return _print_error(_with_hint(error), USAGE, settings)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as error:
        return _report(error, settings)
    return OK


def _invoke(arguments: Sequence[str], settings: Settings) -> None:
    """`cli.main` would do this too, but makes exit code 1 of a broken pipe."""
    with cli.make_context("hornbook", list(arguments), obj=settings, color=settings.color) as context:
        cli.invoke(context)


def _with_hint(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "hornbook"
    return f"{message}{' See' if message.endswith('?') else '; see'} `{command} --help`"


def _report(error: Exception, settings: Settings) -> int:
    """Prints one line, and the traceback if it is wanted."""
    if settings.debug:
        traceback.print_exception(error)
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG)
    message = _message(error)
    if code == BUG:
        message = f"this is a bug in hornbook: {type(error).__name__}: {message}; --debug shows where"
    return _print_error(message, code, settings)


def _message(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"out of memory: {error}".removesuffix(": ")
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _print_error(message: str, code: int, settings: Settings | None = None) -> int:
    prefix = click.style("error:", fg="red", bold=True)
    with suppress(OSError):  # stderr may be full as well, and then there is nobody left to tell
        color = settings.color if settings else None
        click.echo(f"{prefix} {' '.join(message.split())}", err=True, color=color)
    return code


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """A warning is one line too."""
    context = click.get_current_context(silent=True)
    if context is None or not context.ensure_object(Settings).quiet:
        click.echo(f"warning: {message}", err=True)


def _let_go(stream: TextIO) -> None:
    """What is still buffered for a stream that is full or gone must not fail again at exit."""
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
