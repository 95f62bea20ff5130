"""`hornbook tokens decode`: ids to text."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hornbook.cli.options import common_options
from hornbook.cli.output import write_text
from hornbook.cli.parameters import Command
from hornbook.cli.problems import naming
from hornbook.cli.text import STDIN, read_piped
from hornbook.cli.tokens.load import load_tokenizer, tokenizer_options
from hornbook.errors import DataError

__all__ = ["decode"]

MAX_IDS_BYTES = 1 << 26
LARGEST_DIGITS = 18
"""More digits than any vocabulary needs, and few enough for Python to read."""


@click.command(cls=Command, short_help="Print the text of ids.")
@click.argument("ids", nargs=-1)
@click.option("--skip-special", is_flag=True, help="Leave out special tokens, such as [CLS].")
@tokenizer_options
@common_options
def decode(
    ids: tuple[str, ...], skip_special: bool, model: str, revision: str | None, tokenizer_path: Path | None
) -> None:
    """Print the text of IDS; `-` reads them from stdin, as does a pipe where none are given.

    Spaces, commas and brackets may stand between the ids: `[1, 2]` is `1 2`. What `tokens encode --json` and
    `generate --json` print is read as well.

    \b
    Examples:
      hornbook tokens decode 337 1205
      hornbook tokens encode --json "The cat" | hornbook tokens decode -
    """
    given = None if not ids else STDIN if ids == (STDIN,) else " ".join(ids)
    words = read_piped(given, "IDS", max_bytes=MAX_IDS_BYTES)
    if words is None:
        raise click.UsageError("give IDS, or pipe them in")
    numbers = list(_from_json(words) if "{" in words else _from_words(words))
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    with naming("decoding the ids"):
        write_text(tokenizer.decode(numbers, skip_special_tokens=skip_special) + "\n")


def _from_words(text: str) -> Iterator[int]:
    return (_parse_id(word) for word in re.split(r"[\s,\[\]]+", text) if word)


def _parse_id(word: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{LARGEST_DIGITS}}}", word):
        raise click.UsageError(f"IDS: expected integers of up to {LARGEST_DIGITS} digits, got {word!r:.50}")
    return int(word)


def _from_json(text: str) -> Iterator[int]:
    """The ids of a list of objects with an `id`, or of an object with `ids`."""
    try:
        value = json.loads(text, parse_int=_parse_id)
    except (ValueError, RecursionError):
        raise DataError("IDS: neither integers nor JSON") from None
    items = value.get("ids") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise DataError('IDS: expected JSON with "ids", or a list of objects with "id"')
    for number, item in enumerate(items, 1):
        token_id: Any = item.get("id") if isinstance(item, dict) else item
        if not isinstance(token_id, int) or isinstance(token_id, bool):
            raise DataError(f"IDS: item {number} of the JSON has no integer as id")
        yield token_id
