"""How results look: tables and JSON for people as well as for programs."""

import json
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "GAP",
    "display_width",
    "float_list",
    "format_json",
    "print_json",
    "print_table",
    "shorten",
    "shown",
    "terminal_width",
]

UNLIMITED = sys.maxsize
GAP = 2
LEAST_ROOM = 20
"""The fewest columns that a cell is wrapped to; if fewer are left, the cell goes below its row."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which UTF-8 cannot encode; Python uses these for undecodable bytes."""


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(format_json(value))


def format_json(value: Any, indent: int = 0) -> str:
    """JSON with a line for every key and for every item of a list that has parts of its own."""
    if isinstance(value, dict):
        items = [f"{_plain(key)}: {format_json(item, indent + 2)}" for key, item in value.items()]
        return _enclose("{}", items, indent)
    if _is_flat(value):
        return _plain(value)
    return _enclose("[]", [_plain(i) if _is_flat(i) else format_json(i, indent + 2) for i in value], indent)


def _is_flat(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return not any(isinstance(part, (dict, list, tuple)) for part in parts)


def _enclose(brackets: str, items: list[str], indent: int) -> str:
    if not items:
        return brackets
    space = "\n" + " " * indent
    return brackets[0] + ",".join(f"{space}  {item}" for item in items) + space + brackets[1]


def _plain(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def print_table(
    rows: Iterable[Sequence[str]], *, right: Collection[int] = (), indent: int = 2, wrap: bool = False
) -> None:
    """Columns, as wide as they need to be.

    Args:
        rows: cells, the same number in every row.
        right: the columns that end at the right, such as numbers.
        indent: spaces before a row.
        wrap: on a terminal, break the last column where the terminal ends.
    """
    table = list(rows)
    widths = [max(map(display_width, column)) for column in zip(*table, strict=True)]
    begin = indent + sum(width + GAP for width in widths[:-1])
    for row in table:
        cells = [_pad(*cell, number in right) for number, cell in enumerate(zip(row, widths, strict=True))]
        room = terminal_width() - begin if wrap else UNLIMITED
        below = begin
        last = [cells[-1]]
        if display_width(row[-1]) > room >= LEAST_ROOM:
            last = _wrap(row[-1], room)
        elif display_width(row[-1]) > room:
            below = indent + GAP
            last = ["", *_wrap(row[-1], max(LEAST_ROOM, terminal_width() - below))]
        line = " " * indent + (" " * GAP).join([*cells[:-1], last[0]])
        click.echo("\n".join([line.rstrip(), *(" " * below + rest for rest in last[1:])]))


def shown(text: str) -> str:
    """The text on one line, unchanged but for escapes instead of characters that are not printable."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _wrap(text: str, width: int) -> list[str]:
    """Lines; a shape such as [4, 6, 64] stays in one piece."""
    joined = re.sub(r"\[[^]]*\]", lambda shape: shape[0].replace(" ", "\xa0"), text)
    return [line.replace("\xa0", " ") for line in textwrap.wrap(joined, width)]


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def display_width(text: str) -> int:
    """Columns on a terminal: two for a wide character, none for one that joins another."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def shorten(text: str, width: int) -> str:
    """The text, with an ellipsis in its middle if it is too wide."""
    if display_width(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def terminal_width() -> int:
    """The width of the terminal that shows the results; a file or pipe has no limit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED


def float_list(row: "NDArray[Any]") -> list[float]:
    """Floats that print as short as float32 allows and read back as the same float32."""
    return [float(str(value)) for value in row]
