"""Letters of a pattern that ignores case: each may equal others, and some texts equal one character.

"ss" is equal to the sharp s, though only where both letters stand side by side in the pattern.
"""

from dataclasses import dataclass
from functools import lru_cache

from hornbook.tokenizer.regex.properties import case_orbits, long_folds
from hornbook.tokenizer.regex.sets import any_case
from hornbook.tokenizer.regex.tree import Chars, Choice, Node, Ranges, Sequence, holds, inverse

__all__ = ["Literal", "any_case_set", "joined"]


@dataclass(frozen=True)
class Literal:
    """A character that stands for itself, or for all that equal it."""

    code: int
    ignore_case: bool


def joined(items: "list[Node | Literal]") -> Node:
    """The sequence of the items."""
    nodes: list[Node] = []
    run: list[int] = []
    for item in [*items, Sequence(())]:
        if isinstance(item, Literal) and item.ignore_case:
            run.append(item.code)
            continue
        nodes += _run(tuple(run))
        run = []
        if isinstance(item, Literal):
            nodes.append(Chars(((item.code, item.code),)))
        elif item != Sequence(()):
            nodes.append(item)
    return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))


def any_case_set(codes: Ranges, negated: bool) -> Node:
    """A set of characters and all that equal them, texts of several characters among these."""
    ranges = any_case(codes)
    if negated:
        return Chars(inverse(ranges))
    texts = [text for text, singles in long_folds().items() if any(holds(ranges, code) for code in singles)]
    options = [Sequence(tuple(_any_case(ord(each)) for each in text)) for text in texts]
    return Choice((Chars(ranges), *options)) if options else Chars(ranges)


@lru_cache(maxsize=1024)
def _long_fold_of(code: int) -> str:
    """The text that this character equals; "" if none."""
    return next((text for text, singles in long_folds().items() if code in singles), "")


def _any_case(code: int) -> Chars:
    return Chars(any_case(((code, code),)))


def _run(codes: tuple[int, ...]) -> list[Node]:
    """Nodes for letters side by side: the longest text that equals one character is taken as a whole."""
    nodes: list[Node] = []
    index = 0
    while index < len(codes):
        own = _long_fold_of(codes[index])
        text = own or _long_fold_at(codes, index)
        length = len(text) if text and not own else 1
        each = tuple(map(_any_case, map(ord, own) if own else codes[index : index + length]))
        nodes += [Choice((Sequence(each), _single(long_folds()[text])))] if text else each
        index += length
    return nodes


def _long_fold_at(codes: tuple[int, ...], index: int) -> str:
    """The longest text there that equals one character; "" if none does."""
    candidates = _long_folds_from(codes[index])
    texts = (text for text in candidates if _equal_texts(codes[index : index + len(text)], text))
    return max(texts, key=len, default="")


@lru_cache(maxsize=1024)
def _long_folds_from(code: int) -> tuple[str, ...]:
    """Those whose first character equals this one."""
    return tuple(text for text in long_folds() if _equal(code, ord(text[0])))


def _single(codes: tuple[int, ...]) -> Chars:
    return Chars(any_case(tuple((code, code) for code in sorted(codes))))


def _equal_texts(codes: tuple[int, ...], text: str) -> bool:
    return len(codes) == len(text) and all(map(_equal, codes, map(ord, text)))


def _equal(left: int, right: int) -> bool:
    return left == right or left in case_orbits().get(right, ())
