"""How errors end a command: with an exit code, and one line in the words of the command line."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.core import ParameterSource

from hornbook.builtin import BUILTIN_MODELS
from hornbook.cli.options import Settings
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

__all__ = ["BAD_INPUT", "BUG", "ENVIRONMENT", "NETWORK", "OK", "USAGE", "describe", "exit_code", "naming"]

OK, BUG, USAGE, BAD_INPUT, NETWORK, ENVIRONMENT = range(6)

EXIT_CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (click.UsageError, USAGE),
    (
        (ModelFormatError, TokenizerError, ContextLengthError, DataError, CheckpointError, ShapeError),
        BAD_INPUT,
    ),
    (DownloadError, NETWORK),
    ((OSError, MemoryError), ENVIRONMENT),
    (HornbookError, USAGE),
)
"""The first match counts. A HornbookError of no other kind is a setting out of range."""

ADVICE = (
    (re.compile("truncate=True"), "--truncate"),
    (re.compile("allow_nonfinite=True"), "--allow-nonfinite"),
    (re.compile(r"^revision: "), "--revision: "),
)
"""Names of library arguments in messages, and the options that set them."""


def exit_code(error: Exception) -> int:
    """The exit code that the README has for this kind of error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG)


def describe(error: Exception, settings: Settings) -> str:
    """What happened and what to do, for the command that ran."""
    if isinstance(error, click.UsageError):
        return _describe_usage(error)
    message = _message(error)
    if exit_code(error) == BUG:
        return f"this is a bug in hornbook: {type(error).__name__}: {message}; --debug shows where"
    for pattern, words in ADVICE:
        message = pattern.sub(words, message)
    if settings.offline:
        message = message.replace("go online once", "leave out --offline")
    return message + _about_the_name(error, settings.model)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Adds what was being done to errors that do not say it.

    Raises:
        MemoryError, OSError: as the body does, with `what`, unless an OSError names a file already.
    """
    try:
        yield
    except MemoryError as error:
        raise MemoryError(f"{what}: {error}".removesuffix(": ")) from error
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = what
        raise


def _message(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"out of memory: {error}".removesuffix(": ")
    if isinstance(error, OSError) and error.strerror:
        named = error.filename is not None
        return f"{error.strerror}: {os.fsdecode(str(error.filename))}" if named else error.strerror
    return str(error) or type(error).__name__


def _describe_usage(error: click.UsageError) -> str:
    context = error.ctx
    if isinstance(error, click.BadParameter) and context is not None:
        _name_variable(error, context)
    message = error.format_message().rstrip(".") + _hint(error)
    command = context.command_path if context else "hornbook"
    return f"{message}{' See' if message.endswith('?') else '; see'} `{command} --help`"


def _name_variable(error: click.BadParameter, context: click.Context) -> None:
    """Names the environment variable that set a wrong value, instead of the option."""
    parameter = error.param
    if parameter is None or not parameter.name or not parameter.envvar:
        return
    if context.get_parameter_source(parameter.name) is ParameterSource.ENVIRONMENT:
        error.param_hint = str(parameter.envvar)


def _hint(error: click.UsageError) -> str:
    """Advice for mistakes that are common in a shell."""
    if isinstance(error, click.NoSuchOption) and not re.fullmatch(r"-[a-zA-Z]|--[\w-]+", error.option_name):
        return "; a text or number that begins with a dash comes after `--`"
    if error.message.startswith("Got unexpected extra argument"):
        return "; put a text of several words in quotes"
    return ""


def _about_the_name(error: Exception, name: str | None) -> str:
    """Adds what else the name of a model could have meant: a folder, a built-in model."""
    if name is None or "built-in" in str(error):
        return ""
    names = ", ".join(BUILTIN_MODELS)
    if (isinstance(error, DownloadError) and "/" not in name) or str(error).startswith("repository "):
        return f" (no folder and no built-in model, {names}, has the name {name})"
    if isinstance(error, ModelFormatError) and name in BUILTIN_MODELS and Path(name).is_dir():
        return f" (the folder {name} in this directory comes before the built-in model of that name)"
    return ""
