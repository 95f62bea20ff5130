"""`hornbook`: the commands together, and what becomes of errors."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from hornbook.cli.doctor import doctor
from hornbook.cli.embed import embed
from hornbook.cli.explain import explain
from hornbook.cli.generate import generate
from hornbook.cli.models import models
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
INTERRUPTED, BROKEN_PIPE, TERMINATED = (
    128 + number for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)
)

EXIT_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (
        (ModelFormatError, TokenizerError, ContextLengthError, DataError, CheckpointError, ShapeError),
        BAD_INPUT,
    ),
    (DownloadError, NETWORK),
    (HornbookError, USAGE),
    ((OSError, MemoryError), ENVIRONMENT),
)
"""The first that fits. A HornbookError that is none of the others is a setting out of range."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "HORNBOOK"})
@click.version_option(package_name="hornbook", prog_name="hornbook")
def cli() -> None:
    """GPT-2 from first principles: generate text, turn sentences into vectors, see how it works.

    Every option can also be set by an environment variable, such as HORNBOOK_GENERATE_TEMPERATURE.

    \b
    Exit codes: 0 ok, 1 a bug here, 2 wrong usage, 3 bad input, 4 network, 5 environment.
    """


for command in (generate, embed, similarity, explain, tokens, models, doctor):
    cli.add_command(command)


def run() -> NoReturn:
    """The entry point of the installed command."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code."""
    try:
        cli.main(list(arguments), prog_name="hornbook", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "hornbook"
        return _print_error(f"{error.format_message().rstrip('.')}; see `{command} --help`", USAGE)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except Exception as error:
        return _report(error, debug="--debug" in arguments)
    return OK


def _report(error: Exception, *, debug: bool) -> int:
    """Prints one line, and the traceback if it is wanted."""
    if debug:
        traceback.print_exception(error)
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG)
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        message = str(error) or type(error).__name__
    if code == BUG:
        message = f"this is a bug in hornbook: {type(error).__name__}: {message}; --debug shows where"
    _discard_output()
    return _print_error(message, code)


def _print_error(message: str, code: int) -> int:
    click.echo(f"{click.style('error:', fg='red', bold=True)} {' '.join(message.split())}", err=True)
    return code


def _discard_output() -> None:
    """Nobody reads stdout any more, or it is full: what is still buffered must not fail again at exit."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
