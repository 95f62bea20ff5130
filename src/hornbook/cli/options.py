"""Options that commands share, each defined once, and what they set."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

__all__ = ["Settings", "common_options", "dtype_option", "json_option", "model_option", "revision_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Settings:
    """How much a command says, and how.

    Attributes:
        quiet: no notices and no progress.
        debug: a traceback with an error.
        color: False for none; None for colours where there is a terminal.
    """

    quiet: bool = False
    debug: bool = False
    color: bool | None = None


def model_option(default: str) -> Callable[[Command], Command]:
    """`-m` and `--revision`: which model."""

    def decorate(command: Command) -> Command:
        return click.option(
            "-m",
            "--model",
            default=default,
            show_default=True,
            help="A built-in model, a folder, or a Hub repository such as openai-community/gpt2.",
        )(revision_option(command))

    return decorate


def revision_option(command: Command) -> Command:
    """`--revision`: which version of a model."""
    return click.option(
        "--revision", metavar="NAME", help="Branch, tag or commit of a Hub repository.  [default: main]"
    )(command)


def dtype_option(command: Command) -> Command:
    """`--dtype`: how weights are held in memory."""
    return click.option(
        "--dtype",
        type=click.Choice(["float32", "bfloat16", "int8"]),
        default="float32",
        show_default=True,
        help="How weights are held: smaller is faster and less exact.",
    )(command)


def json_option(content: str) -> Callable[[Command], Command]:
    """`--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {content} as JSON.")


def common_options(command: Command) -> Command:
    """What every command takes: where models are kept, and how much it says."""
    for name, callback, description in (
        ("--debug", _set("debug", True), "Show where an error comes from."),
        ("--no-color", _set("color", False), "No colours; the same as NO_COLOR=1."),
        ("-q/--quiet", _set("quiet", True), "Results only: no notices, no progress."),
        ("--offline", _export("HF_HUB_OFFLINE"), "Never use the network."),
    ):
        command = click.option(
            *name.split("/"),
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=callback,
            help=description,
        )(command)
    return click.option(
        "--cache-dir",
        type=click.Path(file_okay=False),
        expose_value=False,
        callback=_export("HF_HUB_CACHE"),
        help="Where downloaded models are kept; see `hornbook doctor`.",
    )(command)


Callback = Callable[[click.Context, click.Parameter, Any], None]


def _set(name: str, setting: bool) -> Callback:
    def callback(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.ensure_object(Settings), name, setting)

    return callback


def _export(variable: str) -> Callback:
    """These settings belong to the Hub's client as well, which reads its environment."""

    def callback(_: click.Context, __: click.Parameter, value: Any) -> None:
        if value:
            os.environ[variable] = "1" if value is True else str(value)

    return callback
