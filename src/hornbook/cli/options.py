"""Options that commands share, each defined once."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["common_options", "model_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def model_option(default: str) -> Callable[[Command], Command]:
    """`-m` and `--revision`: which model."""

    def decorate(command: Command) -> Command:
        command = click.option("--revision", help="Branch, tag or commit of a Hub repository.")(command)
        return click.option(
            "-m",
            "--model",
            default=default,
            show_default=True,
            help="A built-in model, a folder, or a Hub repository such as openai-community/gpt2.",
        )(command)

    return decorate


def common_options(command: Command) -> Command:
    """What every command takes: where models are kept, and how much it says."""
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show where an error comes from."),
        click.option(
            "--no-color",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_set_color,
            help="No colours.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            expose_value=False,
            callback=_set_quiet,
            help="Results only, no notices.",
        ),
        click.option(
            "--cache-dir",
            type=click.Path(file_okay=False),
            expose_value=False,
            callback=_export("HF_HUB_CACHE"),
            help="Where downloaded models are kept.",
        ),
        click.option(
            "--offline",
            is_flag=True,
            expose_value=False,
            callback=_export("HF_HUB_OFFLINE"),
            help="Never use the network.",
        ),
    ):
        command = option(command)
    return command


def _export(variable: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """These settings belong to the Hub's client as well, which reads its environment."""

    def callback(_: click.Context, __: click.Parameter, value: Any) -> None:
        if value:
            os.environ[variable] = "1" if value is True else str(value)

    return callback


def _set_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value or os.environ.get("NO_COLOR"):
        context.color = False


def _set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta["quiet"] = value
