"""Makes docs/cli.md from the `--help` of every command: `python -m tools.make_cli_docs`."""

from collections.abc import Iterator
from pathlib import Path

import click

from hornbook.cli.main import cli

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH = 100

INTRODUCTION = """\
# The command line

What `hornbook COMMAND --help` prints, for every command. `python -m tools.make_cli_docs` makes this file,
and a test fails if it is out of date.
"""


def document() -> str:
    """The whole file."""
    sections = [
        f"{'#' * (2 if len(words) == 1 else 1 + len(words))} {' '.join(words)}\n\n```\n{text}\n```\n"
        for words, text in _helps(cli, ("hornbook",), None)
    ]
    return "\n".join([INTRODUCTION, *sections])


def _helps(
    command: click.Command, words: tuple[str, ...], parent: click.Context | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words that call a command, and its help; a group comes before its commands."""
    context = command.make_context(
        words[-1], [], parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield words, command.get_help(context)
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _helps(child, (*words, name), context)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
