"""What a regular expression means, as a tree: characters, sequences, choices, repeats, and what looks around.

Flags are gone from it: the parser has spelled out what they change. A set of characters is a tuple of ranges
of code points in ascending order that do not touch.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "ANY",
    "LIMIT",
    "Atomic",
    "Backreference",
    "Chars",
    "Choice",
    "Edge",
    "Group",
    "Look",
    "Node",
    "Ranges",
    "Repeat",
    "Sequence",
    "holds",
    "intersection",
    "inverse",
    "normal",
    "widths",
]

Ranges: TypeAlias = tuple[tuple[int, int], ...]
LIMIT = 0x110000
ANY: Ranges = ((0, LIMIT - 1),)
INFINITE = 1 << 62
"""Stands for no limit in the width of a match."""


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True)
class Sequence:
    """One thing after the other; with no items, the empty text."""

    items: "tuple[Node, ...]"


@dataclass(frozen=True)
class Choice:
    """The first option with which the rest matches."""

    options: "tuple[Node, ...]"


@dataclass(frozen=True)
class Repeat:
    """`body` from `least` to `most` times, without limit if that is None."""

    body: "Node"
    least: int
    most: int | None
    lazy: bool = False


@dataclass(frozen=True)
class Atomic:
    """The first way in which `body` matches, and no other."""

    body: "Node"


@dataclass(frozen=True)
class Look:
    """Whether `body` matches after this position (or before it), or does not; takes no text."""

    body: "Node"
    ahead: bool
    negative: bool


@dataclass(frozen=True)
class Group:
    """Remembers what `body` matched, under a number."""

    body: "Node"
    number: int


@dataclass(frozen=True)
class Backreference:
    """The text that a group matched."""

    number: int


@dataclass(frozen=True)
class Edge:
    """A position: in lines, in the text, or between words."""

    kind: Literal["line start", "line end", "start", "end", "end or last line end", "word", "no word"]


Node: TypeAlias = Chars | Sequence | Choice | Repeat | Atomic | Look | Group | Backreference | Edge


def normal(ranges: "list[tuple[int, int]] | Ranges") -> Ranges:
    """Ranges in order, those that touch joined."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)


def holds(ranges: Ranges, code: int) -> bool:
    """Whether a character belongs to a set."""
    index = bisect_right(ranges, (code, LIMIT)) - 1
    return index >= 0 and code <= ranges[index][1]


def inverse(ranges: Ranges) -> Ranges:
    """All other characters."""
    result, start = [], 0
    for first, last in ranges:
        if start < first:
            result.append((start, first - 1))
        start = last + 1
    if start < LIMIT:
        result.append((start, LIMIT - 1))
    return tuple(result)


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """The characters of both sets."""
    return inverse(normal(inverse(left) + inverse(right)))


def widths(node: Node) -> tuple[int, int]:
    """The fewest and the most characters that a node can take; INFINITE for no limit."""
    match node:
        case Chars():
            result = 1, 1
        case Sequence(items):
            each = [widths(item) for item in items]
            result = sum(low for low, _ in each), min(INFINITE, sum(high for _, high in each))
        case Choice(options):
            each = [widths(option) for option in options]
            result = min(low for low, _ in each), max(high for _, high in each)
        case Repeat(body, least, most):
            low, high = widths(body)
            most_wide = 0 if high == 0 or most == 0 else INFINITE if most is None else high * most
            result = low * least, min(INFINITE, most_wide)
        case Atomic(body) | Group(body):
            result = widths(body)
        case Backreference():
            result = 0, INFINITE
        case _:
            result = 0, 0
    return result
