"""Commands, groups and types of values that every command shares.

An option can be set by an environment variable as well, which is named as the option is:
`name_variables` gives the names, and the help of a command lists them.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import click

__all__ = ["Command", "FiniteRange", "Group", "LinesType", "WholeRange", "name_variables"]

UNBREAKABLE_HYPHEN = "\ue000"
"""Stands for a hyphen while a help text is wrapped, so that no name breaks in two."""


class Formatter(click.HelpFormatter):
    """Help texts in which `tiny-lm` and `--top-k` stay in one piece."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Writes names and what they mean, side by side."""
        kept = [(name, _unbreakable(meaning)) for name, meaning in rows]
        super().write_dl(kept, col_max, col_spacing)

    def write_text(self, text: str) -> None:
        """Writes a paragraph."""
        super().write_text(_unbreakable(text))

    def getvalue(self) -> str:
        """The whole help."""
        return super().getvalue().replace(UNBREAKABLE_HYPHEN, "-")


class Context(click.Context):
    """The context of a command, with its own look of help."""

    formatter_class = Formatter


class Command(click.Command):
    """A command whose help ends with the environment variables that set its options."""

    context_class = Context

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the names of the variables."""
        names = [str(option.envvar) for option in _options(self)]
        with formatter.section("Environment"):
            formatter.write_text("Variables that set options, a flag by 1: " + ", ".join(names) + ".")


class Group(click.Group):
    """A group that lists its commands in the order in which they were added."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, for the help."""
        return list(self.commands)


class WholeRange(click.IntRange):
    """An integer within limits."""

    name = "integer"


class FiniteRange(click.FloatRange):
    """A number within limits; infinity and NaN are none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of a word."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class LinesType(click.types.StringParamType):
    """A text of an option that may be given again; a variable has one on each line."""

    envvar_list_splitter = "\n"


def name_variables(command: click.Command, prefix: str) -> None:
    """Names the variables of all options: HORNBOOK_TOKENS_COUNT_INPUT for `hornbook tokens count --input`."""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            name_variables(child, f"{prefix}_{name.upper()}")
        return
    for option in _options(command):
        longest = max(option.opts, key=len)
        option.envvar = f"{prefix}_{longest.lstrip('-').replace('-', '_').upper()}"


def _options(command: click.Command) -> Iterator[click.Option]:
    return (parameter for parameter in command.params if isinstance(parameter, click.Option))


def _unbreakable(text: str) -> str:
    return text.replace("-", UNBREAKABLE_HYPHEN)
