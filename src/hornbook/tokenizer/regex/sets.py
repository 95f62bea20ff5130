r"""Sets of characters between brackets: ranges, properties, sets in sets, and intersections with &&."""

from functools import lru_cache

from hornbook.tokenizer.regex.properties import case_orbits, property_ranges
from hornbook.tokenizer.regex.scanner import Scanner
from hornbook.tokenizer.regex.tree import ANY, Ranges, holds, intersection, inverse, normal

__all__ = ["SHORTHANDS", "any_case", "read_set", "shorthand"]

SHORTHANDS = {"s": "white_space", "d": "nd", "w": "word", "h": "xdigit"}
POSIX_PLAIN = "alnum alpha ascii blank cntrl digit graph lower print space upper xdigit"
POSIX = {name: name for name in POSIX_PLAIN.split()} | {
    "punct": "bracketpunct",
    "word": "plainword",
}
MOST_NESTED = 50


def shorthand(letter: str) -> Ranges:
    r"""What \s, \d, \w, \h or one of their opposites stands for."""
    ranges = property_ranges(SHORTHANDS[letter.lower()]) or ()
    return inverse(ranges) if letter.isupper() else ranges


@lru_cache(maxsize=1024)
def any_case(ranges: Ranges) -> Ranges:
    """Adds all characters that equal one of the set when case is ignored."""
    added = [
        (other, other) for code, orbit in case_orbits().items() if holds(ranges, code) for other in orbit
    ]
    return normal(list(ranges) + added)


def read_set(scanner: Scanner, depth: int = 0) -> tuple[Ranges, bool]:
    """Reads a set after its "[" to its "]".

    Returns:
        The characters between the brackets, and whether the set is of all others.

    Raises:
        TokenizerError: the set is malformed or nested too deeply.
    """
    start = scanner.position - 1
    if depth > MOST_NESTED:
        scanner.fail("[", f"is nested more than {MOST_NESTED} deep", start)
    negated = scanner.accept("^")
    result, is_first = ANY, True
    ranges: list[tuple[int, int]] = []
    while is_first or not scanner.accept("]"):
        if not scanner.peek():
            scanner.fail("[", "has no ']' that closes it", start)
        if scanner.accept("&&"):
            result, ranges = intersection(result, normal(ranges)), []
        elif is_first and scanner.peek() == "]" and "]" not in scanner.pattern[scanner.position + 1 :]:
            scanner.fail("[]", "is an empty set", start)
        else:
            ranges += _item(scanner, depth)
        is_first = False
    return intersection(result, normal(ranges)), negated


def _item(scanner: Scanner, depth: int) -> list[tuple[int, int]]:
    """A range, a property, a set within the set, or one character."""
    start = scanner.position
    if scanner.accept("[:"):
        posix = _posix(scanner)
        if posix is not None:
            return list(posix)
        scanner.position = start
    if scanner.accept("["):
        ranges, negated = read_set(scanner, depth + 1)
        return list(inverse(ranges) if negated else ranges)
    first = _character(scanner)
    if isinstance(first, tuple):
        _no_range_from(scanner)
        return list(first)
    if scanner.peek() != "-" or scanner.peek(2) in ("-]", "-") or scanner.peek(3) == "-&&":
        return [(first, first)]
    scanner.take()
    if scanner.peek() == "[":
        return [(first, first), (ord("-"), ord("-"))]
    last = _character(scanner)
    if isinstance(last, tuple) or last < first:
        scanner.fail(scanner.pattern[start : scanner.position], "is no range of characters", start)
    return [(first, last)]


def _no_range_from(scanner: Scanner) -> None:
    if scanner.peek() == "-" and scanner.peek(2) not in ("-]", "-") and scanner.peek(3) != "-&&":
        scanner.fail(scanner.peek(2), "is a range that begins with many characters")


def _posix(scanner: Scanner) -> Ranges | None:
    start = scanner.position
    negated = scanner.accept("^")
    stop = scanner.pattern.find(":]", scanner.position)
    name = scanner.pattern[scanner.position : stop] if stop >= 0 else ""
    if not name.isalpha():
        return None
    if name not in POSIX:
        scanner.fail(f"[:{name}:]", "is no known class of characters", start - 2)
    scanner.position = stop + 2
    ranges = property_ranges(POSIX[name]) or ()
    return inverse(ranges) if negated else ranges


def _character(scanner: Scanner) -> int | Ranges:
    """A code point, or the set that an escape stands for."""
    start = scanner.position
    character = scanner.take()
    if character != "\\":
        return ord(character or scanner.fail("[", "has no ']' that closes it", start))
    letter = scanner.take()
    if not letter:
        scanner.fail("\\", "ends the pattern", start)
    if letter in "pP" and scanner.peek() == "{":
        return scanner.property_after(letter, start)
    if letter in "wW":
        plain = property_ranges("plainword") or ()
        return plain if letter == "w" else inverse(plain)
    if letter.lower() in SHORTHANDS:
        return shorthand(letter)
    return 8 if letter == "b" else scanner.character_after_backslash(letter, start)
