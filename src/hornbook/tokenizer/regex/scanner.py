"""The characters of a regular expression one after the other, with positions for messages."""

from typing import NoReturn

from hornbook.errors import TokenizerError
from hornbook.tokenizer.regex.properties import property_ranges
from hornbook.tokenizer.regex.tree import LIMIT, Ranges, inverse

__all__ = ["Scanner"]

CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7, "e": 27}
MOST_SHOWN = 60


class Scanner:
    """Reads a pattern from left to right.

    Args:
        pattern: the regular expression.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0

    def peek(self, count: int = 1) -> str:
        """The next characters, fewer at the end."""
        return self.pattern[self.position : self.position + count]

    def take(self) -> str:
        """The next character, "" at the end; steps past it."""
        character = self.peek()
        self.position += len(character)
        return character

    def accept(self, text: str) -> bool:
        """Steps past a text if it comes next."""
        found = self.pattern.startswith(text, self.position)
        if found:
            self.position += len(text)
        return found

    def until(self, end: str) -> str:
        """What comes before `end`; steps past both."""
        stop = self.pattern.find(end, self.position)
        if stop < 0:
            self.fail(self.peek(10), f"has no {end!r} that closes it")
        found = self.pattern[self.position : stop]
        self.position = stop + len(end)
        return found

    def fail(self, construct: str, problem: str = "is not supported", at: int | None = None) -> NoReturn:
        """Refuses the pattern.

        Raises:
            TokenizerError: always.
        """
        shown = self.pattern if len(self.pattern) <= MOST_SHOWN else self.pattern[:MOST_SHOWN] + "..."
        position = self.position if at is None else at
        raise TokenizerError(f"regular expression {shown!r}: {construct!r} at {position} {problem}")

    def property_after(self, letter: str, start: int) -> Ranges:
        r"""What \p{...} or \P{...} stands for, from its brace on."""
        if not self.accept("{"):
            self.fail(f"\\{letter}", "lacks its {name}", start)
        negated = self.accept("^") != (letter == "P")
        name = self.until("}")
        ranges = property_ranges(name)
        if ranges is None:
            self.fail(f"\\{letter}{{{name}}}", "is no known property of characters", start)
        return inverse(ranges) if negated else ranges

    def character_after_backslash(self, letter: str, start: int) -> int:
        """The code point that an escape stands for; a letter without a meaning stands for itself."""
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter in "xuo":
            return self._numbered(letter, start)
        if letter in "01234567":
            return self._octal(letter)
        if letter == "c" or (letter == "C" and self.accept("-")):
            return ord(self.take() or self.fail("\\c", "lacks its letter", start)) & 0x1F
        if letter in "MC":
            self.fail(f"\\{letter}", at=start)
        return ord(letter)

    def _numbered(self, letter: str, start: int) -> int:
        if letter in "xo" and self.accept("{"):
            digits = self.until("}")
            return self._code(digits, 8 if letter == "o" else 16, start)
        if letter == "o":
            return ord("o")
        digits = ""
        while (
            len(digits) < (4 if letter == "u" else 2)
            and self.peek()
            and self.peek() in "0123456789abcdefABCDEF"
        ):
            digits += self.take()
        if letter == "u" and len(digits) < 4:
            self.fail(f"\\u{digits}", "has fewer than 4 digits", start)
        code = self._code(digits or "0", 16, start)
        if letter == "x" and code > 0x7F:
            self.fail(f"\\x{digits}", "is a byte, not a character; write \\x{...}", start)
        return code

    def _code(self, digits: str, base: int, start: int) -> int:
        try:
            code = int(digits, base) if digits.isalnum() and digits.isascii() else LIMIT
        except ValueError:
            code = LIMIT
        if code >= LIMIT:
            self.fail(digits, "is no code point", start)
        return code

    def _octal(self, first: str) -> int:
        digits = first
        while len(digits) < 3 and self.peek() and self.peek() in "01234567":
            digits += self.take()
        return int(digits, 8) & 0x7F
