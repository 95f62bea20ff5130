"""Makes repeats possessive where what they give back could never help, and tells how much is left to try.

`re` tries every way in which a pattern may match before it says that none does. A run of letters followed by
something that begins with no letter has only one way, and so has a run with which the pattern ends.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from hornbook.tokenizer.regex.tree import (
    Atomic,
    Chars,
    Choice,
    Group,
    Look,
    Node,
    Ranges,
    Repeat,
    Sequence,
    intersection,
    normal,
    widths,
)

__all__ = ["is_tame", "possessive"]

MANY = 50
"""A repeat of more than so many counts as one without limit."""

MOST_WAYS = 15
"""One repeat without limit, which counts LOOP, and 7 choices in a row, which make 2**7 ways at most."""

LOOP = 8
WILD = 2 * MOST_WAYS


@dataclass(frozen=True)
class _Always:
    """What follows matches whatever the text is."""


@dataclass(frozen=True)
class _Unknown:
    """What follows may depend on anything."""


Next: TypeAlias = Ranges | _Always | _Unknown
"""With which characters what follows begins."""


def possessive(tree: Node) -> Node:
    """The same tree, with repeats of characters made atomic where no match depends on it."""
    return _possessive(tree, _Always())


def _possessive(node: Node, after: Next) -> Node:
    result: Node
    match node:
        case Repeat(Chars(ranges), least, most, False) if most != least and _apart(ranges, after):
            result = Atomic(node)
        case Repeat(body, least, most, lazy):
            result = Repeat(_possessive(body, _in_loop(node, after)), least, most, lazy)
        case Sequence(items):
            done: list[Node] = []
            for item in reversed(items):
                done.append(_possessive(item, after))
                after = begins(item, after)
            result = Sequence(tuple(reversed(done)))
        case Choice(options):
            result = Choice(tuple(_possessive(option, after) for option in options))
        case Group(body, number):
            result = Group(_possessive(body, after), number)
        case Atomic(body):
            result = Atomic(_possessive(body, _Always()))
        case Look(body, True, negative):
            result = Look(_possessive(body, _Always()), True, negative)
        case _:
            result = node
    return result


def _apart(ranges: Ranges, after: Next) -> bool:
    return isinstance(after, _Always) or (isinstance(after, tuple) and not intersection(ranges, after))


def _in_loop(loop: Repeat, after: Next) -> Next:
    """What follows the body of a loop: the body again, or what follows the loop."""
    if widths(loop.body)[0] == 0 or loop.lazy:
        return _Unknown()
    if isinstance(after, _Always):
        return after if loop.least <= 1 else _Unknown()
    return _either(begins(loop.body, after), after)


def _either(left: Next, right: Next) -> Next:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return normal(left + right)
    return _Always() if isinstance(left, _Always) and isinstance(right, _Always) else _Unknown()


def begins(node: Node, after: Next) -> Next:
    """With what a node begins that something follows."""
    match node:
        case Chars(ranges):
            after = ranges
        case Sequence(items):
            for item in reversed(items):
                after = begins(item, after)
        case Choice(options):
            after = reduce(_either, [begins(option, after) for option in options])
        case Repeat(body, least, most):
            after = _begins_repeat(body, least, most, after)
        case Group(body) | Atomic(body):
            after = begins(body, after)
        case Look(body, True, False) if widths(body)[0] > 0:
            after = begins(body, _Unknown())
        case _:
            after = _Unknown()
    return after


def _begins_repeat(body: Node, least: int, most: int | None, after: Next) -> Next:
    if most == 0:
        return after
    if least == 0:
        return after if isinstance(after, _Always) else _either(begins(body, _Unknown()), after)
    return begins(body, after if least == 1 and most == 1 else _Unknown())


def is_tame(tree: Node) -> bool:
    """Whether `re` needs at most about 2**7 walks through a text to say that nothing matches at a position.

    No repeat may hold more than one way to match, and no more than one repeat without limit may give back.
    """
    return _ways(tree) <= MOST_WAYS


def _ways(node: Node) -> int:
    """How many choices stay open once a node has matched; more than MOST_WAYS if they may be many."""
    match node:
        case Sequence(items):
            ways = sum(map(_ways, items))
        case Choice(options):
            ways = max(map(_ways, options)) + (not _distinct(options))
        case Repeat():
            ways = _ways_to_repeat(node)
        case Atomic(body) | Look(body):
            ways = WILD if _ways(body) > MOST_WAYS else 0
        case Group(body):
            ways = _ways(body)
        case _:
            ways = 0
    return ways


def _ways_to_repeat(node: Repeat) -> int:
    if _ways(node.body) > 0:
        return WILD if node.most != 1 else 1 + _ways(node.body)
    if node.least == node.most:
        return 0
    if widths(node.body)[0] == 0:
        return WILD
    return LOOP if node.most is None or node.most > MANY else 1


def _distinct(options: tuple[Node, ...]) -> bool:
    """Whether no text can begin two of the options."""
    taken: Ranges = ()
    for option in options:
        first = begins(option, _Unknown())
        if not isinstance(first, tuple) or intersection(taken, first):
            return False
        taken = normal(taken + first)
    return True
