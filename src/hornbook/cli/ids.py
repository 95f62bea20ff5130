"""Token ids as they are written: on the command line, by `tokens encode`, and in JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any

import click

from hornbook.errors import DataError

__all__ = ["MAX_IDS_BYTES", "parse_ids"]

MAX_IDS_BYTES = 1 << 26
"""The longest list of ids that is read."""

LARGEST_DIGITS = 18
"""More digits than any vocabulary needs, and few enough for Python to read."""


def parse_ids(text: str, name: str) -> list[int]:
    """The ids of a text: integers with spaces, commas and brackets between them, or JSON of this program.

    Args:
        text: what was given.
        name: of the argument, for messages.

    Raises:
        UsageError: a word is no integer.
        DataError: the JSON has no ids.
    """
    if "{" in text:
        return list(_from_json(text, name))
    return [_parse_id(word, name) for word in re.split(r"[\s,\[\]]+", text) if word]


def _parse_id(word: str, name: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{LARGEST_DIGITS}}}", word):
        raise click.UsageError(
            f"{name}: expected integers of up to {LARGEST_DIGITS} digits, got {word!r:.50}"
        )
    return int(word)


def _from_json(text: str, name: str) -> Iterator[int]:
    """The ids of a list of objects with an `id`, or of an object with `ids`."""
    try:
        value = json.loads(text, parse_int=lambda digits: _parse_id(digits, name))
    except (ValueError, RecursionError):
        raise DataError(f"{name}: neither integers nor JSON") from None
    items = value.get("ids") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise DataError(f'{name}: expected JSON with "ids", or a list of objects with "id"')
    for number, item in enumerate(items, 1):
        token_id: Any = item.get("id") if isinstance(item, dict) else item
        if not isinstance(token_id, int) or isinstance(token_id, bool):
            raise DataError(f"{name}: item {number} of the JSON has no integer as id")
        yield token_id
