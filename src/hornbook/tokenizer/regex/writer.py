"""Writes a tree as a pattern of the standard library's `re`, with sets of characters spelled out."""

from collections.abc import Iterator
from functools import cache, lru_cache

from hornbook.errors import TokenizerError
from hornbook.tokenizer.regex.properties import property_ranges
from hornbook.tokenizer.regex.tree import (
    ANY,
    LIMIT,
    Atomic,
    Backreference,
    Chars,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Ranges,
    Repeat,
    Sequence,
    intersection,
    inverse,
    widths,
)

__all__ = ["references", "set_pattern", "write"]

BASIC: Ranges = ((0, 0xFFFF),)
BEYOND: Ranges = ((0x10000, LIMIT - 1),)
MOST_CHARACTERS = 2_000_000
"""Of a written pattern: some 200 sets as large as all letters."""

MOST_LOOKBEHINDS = 64


def write(tree: Node) -> str:
    """The pattern for `re`.

    Raises:
        TokenizerError: it looks back to texts of too many lengths, or gets too long.
    """
    text = _Writer(references(tree)).node(tree)
    if len(text) > MOST_CHARACTERS:
        raise TokenizerError(
            f"regular expression: gets longer than {MOST_CHARACTERS} characters with its sets spelled out"
        )
    return text


def references(node: Node) -> frozenset[int]:
    """The numbers of the groups that are referred to."""
    match node:
        case Backreference(number):
            return frozenset((number,))
        case Sequence(parts) | Choice(parts):
            return frozenset().union(*map(references, parts))
        case Repeat(body) | Atomic(body) | Look(body) | Group(body):
            return references(body)
        case _:
            return frozenset()


@lru_cache(maxsize=256)
def set_pattern(ranges: Ranges) -> str:
    """One character of a set."""
    if not ranges:
        return "(?!)"
    if ranges == ANY:
        return "[\\0-\\U0010ffff]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _code(ranges[0][0])
    outside = inverse(ranges)
    return f"[^{_body(outside)}]" if len(outside) < len(ranges) else f"[{_body(ranges)}]"


def _body(ranges: Ranges) -> str:
    return "".join(
        _code(first) if first == last else f"{_code(first)}-{_code(last)}" for first, last in ranges
    )


def _code(code: int) -> str:
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Writer:
    """Writes nodes.

    Args:
        remembered: the groups that something refers to; all others need no number.
    """

    def __init__(self, remembered: frozenset[int]) -> None:
        self.remembered = remembered

    def node(self, node: Node) -> str:
        match node:
            case Chars(ranges):
                result = set_pattern(ranges)
            case Sequence(items):
                result = "".join(
                    self.bracketed(item) if isinstance(item, Choice) else self.node(item) for item in items
                )
            case Choice(options):
                result = "|".join(map(self.node, options))
            case Repeat(body, least, most, lazy):
                result = f"{self.unit(body)}{_times(least, most)}{'?' if lazy else ''}"
            case Atomic(Repeat(Chars(ranges), least, None, False)) if least <= 1:
                result = _run(ranges, least)
            case Atomic(Repeat(body, least, most, False)):
                result = f"{self.unit(body)}{_times(least, most)}+"
            case Atomic(body):
                result = f"(?>{self.node(body)})"
            case Look(body, True, negative):
                result = f"(?{'!' if negative else '='}{self.node(body)})"
            case Look(body, False, negative):
                result = self.look_behind(body, negative)
            case Group(body, number):
                result = (
                    f"(?P<g{number}>{self.node(body)})" if number in self.remembered else self.bracketed(body)
                )
            case Backreference(number):
                result = f"(?P=g{number})"
            case Edge(kind):
                result = _edges()[kind]
        return result

    def bracketed(self, node: Node) -> str:
        return f"(?:{self.node(node)})"

    def unit(self, node: Node) -> str:
        """Something that a quantifier may follow."""
        return self.node(node) if isinstance(node, Chars) and node.ranges else self.bracketed(node)

    def look_behind(self, body: Node, negative: bool) -> str:
        """One look for each text of a fixed length, since `re` takes no others."""
        options = list(fixed_options(body))
        signs = [f"(?<{'!' if negative else '='}{self.node(option)})" for option in options]
        return "".join(signs) if negative or len(signs) == 1 else f"(?:{'|'.join(signs)})"


def _run(ranges: Ranges, least: int) -> str:
    """A possessive run.

    `re` looks up characters to U+FFFF in a bitmap but walks through the ranges beyond one by one: a guard
    keeps the others from that walk.
    """
    basic, beyond = intersection(ranges, BASIC), intersection(ranges, BEYOND)
    sign = "++" if least else "*+"
    if len(beyond) <= 2 or not basic:
        return f"{set_pattern(ranges)}{sign}"
    guard = set_pattern(BEYOND)
    return f"(?:{set_pattern(basic)}++|(?={guard}){set_pattern(beyond)}++){sign}"


def _times(least: int, most: int | None) -> str:
    known = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    return known.get((least, most)) or f"{{{least},{'' if most is None else most}}}"


@cache
def _edges() -> dict[str, str]:
    word = set_pattern(property_ranges("word") or ())
    return {
        "line start": r"(?:\A|(?<=\n)(?!\Z))",
        "line end": "(?m:$)",
        "start": r"\A",
        "end": r"\Z",
        "end or last line end": r"(?=\n?\Z)",
        "word": f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))",
        "no word": f"(?:(?<={word})(?={word})|(?<!{word})(?!{word}))",
    }


def fixed_options(node: Node) -> Iterator[Node]:
    """Nodes of one width each that together match what a node matches.

    Raises:
        TokenizerError: there are too many of them.
    """
    options = list(_fixed(node))
    if len(options) > MOST_LOOKBEHINDS:
        raise _too_wide()
    yield from options


def _fixed(node: Node) -> list[Node]:
    low, high = widths(node)
    if low == high:
        return [node]
    match node:
        case Choice(options):
            return [each for option in options for each in _fixed(option)]
        case Group(body):
            return _fixed(body)
        case Repeat(body, least, int(most)) if (
            most <= MOST_LOOKBEHINDS and widths(body)[0] == widths(body)[1]
        ):
            return [Repeat(body, count, count) for count in range(least, most + 1)]
        case Sequence(items):
            heads: list[tuple[Node, ...]] = [()]
            for item in items:
                heads = [(*head, option) for head in heads for option in _fixed(item)]
                if len(heads) > MOST_LOOKBEHINDS:
                    raise _too_wide()
            return [Sequence(head) for head in heads]
        case _:
            raise _too_wide()


def _too_wide() -> TokenizerError:
    return TokenizerError(
        "regular expression: a look-behind of unlimited length, or of more than "
        f"{MOST_LOOKBEHINDS} lengths, is not supported; give each option a fixed length"
    )
