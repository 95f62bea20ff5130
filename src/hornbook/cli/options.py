"""Options that commands share, each defined once, and what they set."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

__all__ = [
    "Settings",
    "common_options",
    "dtype_option",
    "json_option",
    "model_option",
    "note_model",
    "revision_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Settings:
    """How much a command says, and how.

    Attributes:
        quiet: no notices and no progress.
        debug: a traceback with an error.
        offline: the network was ruled out on the command line.
        model: the name of the model, if the command takes one.
        allow_nonfinite: load weights that are NaN or infinite.
        color: False for none; None for colours on a terminal.
    """

    quiet: bool = False
    debug: bool = False
    offline: bool = False
    model: str | None = None
    allow_nonfinite: bool = False
    color: bool | None = None


def model_option(default: str) -> Callable[[Command], Command]:
    """`-m` and `--revision`: which model."""

    def decorate(command: Command) -> Command:
        command = click.option(
            "--allow-nonfinite",
            is_flag=True,
            expose_value=False,
            callback=_set("allow_nonfinite", True, None),
            help="Load a model although some of its weights are NaN or infinite.",
        )(command)
        return click.option(
            "-m",
            "--model",
            default=default,
            show_default=True,
            callback=note_model,
            help="A built-in model, a folder, or a Hub repository such as openai-community/gpt2.",
        )(revision_option(command))

    return decorate


def note_model(context: click.Context, _: click.Parameter, value: str) -> str:
    """Keeps the name of the model, for errors about it."""
    context.ensure_object(Settings).model = value
    return value


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
    for name, setting, variable, description in (
        ("--debug", ("debug", True), None, "Show where an error comes from."),
        ("--no-color", ("color", False), None, "No colours; the same as NO_COLOR=1."),
        (
            "-q/--quiet",
            ("quiet", True),
            "HF_HUB_DISABLE_PROGRESS_BARS",
            "Results only: no notices, no progress.",
        ),
        ("--offline", ("offline", True), "HF_HUB_OFFLINE", "Never use the network."),
    ):
        command = click.option(
            *name.split("/"),
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_set(*setting, variable),
            help=description,
        )(command)
    return click.option(
        "--cache-dir",
        type=click.Path(file_okay=False, readable=False),
        expose_value=False,
        callback=_export_cache,
        help="Where downloaded models are kept; see `hornbook doctor`.",
    )(command)


Callback = Callable[[click.Context, click.Parameter, Any], None]


def _set(
    name: str, setting: bool, variable: str | None
) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keeps a setting, and exports it if the Hub's client has a variable for it."""

    def callback(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.ensure_object(Settings), name, setting)
        if value and variable is not None:
            os.environ[variable] = "1"

    return callback


def _export_cache(_: click.Context, __: click.Parameter, value: Any) -> None:
    if value:
        os.environ["HF_HUB_CACHE"] = str(value)
