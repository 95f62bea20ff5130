"""`hornbook tokens decode`: ids to text."""

import re
from pathlib import Path

import click

from hornbook.cli.options import common_options
from hornbook.cli.output import write_text
from hornbook.cli.text import STDIN, read_argument
from hornbook.cli.tokens.load import load_tokenizer, tokenizer_options

__all__ = ["decode"]

LARGEST_DIGITS = 18
"""More digits than any vocabulary needs, and few enough for Python to read."""


@click.command()
@click.argument("ids", nargs=-1, required=True)
@tokenizer_options
@common_options
def decode(ids: tuple[str, ...], model: str, revision: str | None, tokenizer_path: Path | None) -> None:
    """Print the text of IDS; `-` reads them from stdin.

    Spaces, commas and brackets may stand between the ids: `[1, 2]` is `1 2`.
    """
    words = read_argument(STDIN) if ids == (STDIN,) else " ".join(ids)
    numbers = [_parse_id(word) for word in re.split(r"[\s,\[\]]+", words) if word]
    write_text(load_tokenizer(model, revision, tokenizer_path).decode(numbers) + "\n")


def _parse_id(word: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{LARGEST_DIGITS}}}", word):
        raise click.UsageError(f"IDS: expected integers of up to {LARGEST_DIGITS} digits, got {word!r:.50}")
    return int(word)
