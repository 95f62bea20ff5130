r"""Reads a regular expression in the syntax of Oniguruma, as tokenizer.json files have it, into a tree.

Oniguruma's default is Ruby's syntax: `^` and `$` look at lines, (?m) lets the dot take line ends, and {2}+ is
a repeat of a repeat. Of its syntax it lacks \G, \K, \X, \y, conditions, absent operators, calls of groups,
references to groups that ignore case, and (?WDSP), all of which are refused by name.

Source: doc/RE in https://github.com/kkos/oniguruma.
"""

from dataclasses import dataclass, replace

from hornbook.tokenizer.regex.literals import Literal, any_case_set, joined
from hornbook.tokenizer.regex.properties import LINE_BREAK
from hornbook.tokenizer.regex.scanner import Scanner
from hornbook.tokenizer.regex.sets import SHORTHANDS, read_set, shorthand
from hornbook.tokenizer.regex.tree import (
    ANY,
    Atomic,
    Backreference,
    Chars,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    inverse,
)

__all__ = ["parse"]

LINE_END = ord("\n")
NOT_LINE_END = inverse(((LINE_END, LINE_END),))
MOST_NESTED = 100
MOST_REPEATS = 100_000

LETTERS: dict[str, Node] = {
    "A": Edge("start"),
    "z": Edge("end"),
    "Z": Edge("end or last line end"),
    "b": Edge("word"),
    "B": Edge("no word"),
    "N": Chars(NOT_LINE_END),
    "O": Chars(ANY),
    "R": Atomic(Choice((Sequence((Chars(((13, 13),)), Chars(((10, 10),)))), Chars(LINE_BREAK)))),
}
"""What a letter after a backslash stands for, besides characters and their sets."""

GROUPS = {
    "?:": None,
    "?>": "atomic",
    "?=": (True, False),
    "?!": (True, True),
    "?<=": (False, False),
    "?<!": (False, True),
}


@dataclass(frozen=True)
class Flags:
    """What holds from here to the end of the group."""

    ignore_case: bool = False
    dot_takes_all: bool = False
    extended: bool = False


def parse(pattern: str) -> Node:
    """The tree of a regular expression.

    Raises:
        TokenizerError: it is malformed, or has what cannot be translated.
    """
    parser = _Parser(pattern, named=False)
    tree = parser.whole()
    if parser.names:
        parser = _Parser(pattern, named=True)
        tree = parser.whole()
    return tree


class _Parser:
    """One pass over a pattern.

    Args:
        pattern: the regular expression.
        named: whether only groups with names are remembered, as where one has a name.
    """

    def __init__(self, pattern: str, named: bool) -> None:
        self.scanner = Scanner(pattern)
        self.named = named
        self.names: dict[str, int] = {}
        self.groups = 0
        self.depth = 0

    def whole(self) -> Node:
        tree = self.choice(Flags())
        if self.scanner.peek():
            self.scanner.fail(")", "closes no group")
        return tree

    def choice(self, flags: Flags) -> Node:
        """Options up to the end of the group."""
        self.depth += 1
        if self.depth > MOST_NESTED:
            self.scanner.fail("(", f"is nested more than {MOST_NESTED} deep")
        options = [self.sequence(flags)]
        while self.scanner.accept("|"):
            options.append(self.sequence(flags))
        self.depth -= 1
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, flags: Flags) -> Node:
        """Items up to the next "|" or ")"."""
        items: list[Node | Literal] = []
        while True:
            self.skip_ignored(flags)
            if self.scanner.peek() in ("", "|", ")"):
                return joined(items)
            changed = self.flags_alone(flags)
            if changed is not None:
                items.append(self.choice(changed))
                return joined(items)
            items.append(self.quantified(self.atom(flags), flags))

    def skip_ignored(self, flags: Flags) -> None:
        """Comments, and in extended syntax spaces."""
        scanner = self.scanner
        while True:
            if scanner.accept("(?#"):
                scanner.until(")")
            elif flags.extended and scanner.peek() and scanner.peek() in " \t\n\r\f\v":
                scanner.take()
            elif flags.extended and scanner.accept("#"):
                while scanner.peek() not in ("", "\n"):
                    scanner.take()
            else:
                return

    def flags_alone(self, flags: Flags) -> Flags | None:
        """The flags that (?i) sets for the rest of the group; None if no such thing comes next."""
        start = self.scanner.position
        if not self.scanner.accept("(?"):
            return None
        changed = self.changed_flags(flags)
        if changed is not None and self.scanner.accept(")"):
            return changed
        self.scanner.position = start
        return None

    def changed_flags(self, flags: Flags) -> Flags | None:
        """Reads letters such as `i-mx`; None if what comes next is no flag."""
        names = {"i": "ignore_case", "m": "dot_takes_all", "x": "extended"}
        wanted = True
        while self.scanner.peek() and self.scanner.peek() in "imx-":
            letter = self.scanner.take()
            if letter == "-":
                wanted = False
            else:
                flags = replace(flags, **{names[letter]: wanted})
        return flags if self.scanner.peek() and self.scanner.peek() in ":)" else None

    def atom(self, flags: Flags) -> Node | Literal:
        """What a quantifier may follow."""
        start = self.scanner.position
        character = self.scanner.take()
        node: Node | Literal
        match character:
            case "(":
                node = self.group(flags, start)
            case "[":
                ranges, negated = read_set(self.scanner)
                if flags.ignore_case:
                    node = any_case_set(ranges, negated)
                else:
                    node = Chars(inverse(ranges) if negated else ranges)
            case ".":
                node = Chars(ANY if flags.dot_takes_all else NOT_LINE_END)
            case "^":
                node = Edge("line start")
            case "$":
                node = Edge("line end")
            case "\\":
                node = self.escape(flags, start)
            case "*" | "+" | "?":
                self.scanner.fail(character, "repeats nothing", start)
            case "{" if self.interval() is not None:
                self.scanner.fail(character, "repeats nothing", start)
            case _:
                node = Literal(ord(character), flags.ignore_case)
        return node

    def group(self, flags: Flags, start: int) -> Node:
        """What stands in parentheses."""
        scanner = self.scanner
        kind = next((each for each in ("?<=", "?<!", "?:", "?>", "?=", "?!") if scanner.accept(each)), None)
        if kind is None:
            return self.remembered(flags, start)
        body = self.closed(flags, start)
        match GROUPS[kind]:
            case (bool(ahead), bool(negative)):
                return Look(body, ahead, negative)
            case "atomic":
                return Atomic(body)
            case _:
                return body

    def remembered(self, flags: Flags, start: int) -> Node:
        """A group with a number or a name, or one with flags of its own."""
        scanner = self.scanner
        if scanner.accept("?<") or scanner.accept("?'"):
            end = ">" if scanner.pattern[scanner.position - 1] == "<" else "'"
            name = scanner.until(end)
            if not name.isidentifier() or (name in self.names):
                scanner.fail(f"(?<{name}>", "is no name for one group", start)
            self.groups += 1
            number = self.names[name] = self.groups
            return Group(self.closed(flags, start), number)
        if scanner.accept("?"):
            changed = self.changed_flags(flags)
            if changed is None or not scanner.accept(":"):
                scanner.fail(scanner.pattern[start : scanner.position + 1], at=start)
            return self.closed(changed, start)
        if scanner.peek() == "*":
            scanner.fail("(*", at=start)
        if self.named:
            return self.closed(flags, start)
        self.groups += 1
        number = self.groups
        return Group(self.closed(flags, start), number)

    def closed(self, flags: Flags, start: int) -> Node:
        body = self.choice(flags)
        if not self.scanner.accept(")"):
            self.scanner.fail("(", "is never closed", start)
        return body

    def escape(self, flags: Flags, start: int) -> Node | Literal:
        """What a backslash begins."""
        scanner = self.scanner
        letter = scanner.take()
        if not letter:
            scanner.fail("\\", "ends the pattern", start)
        if letter in "pP" and scanner.peek() == "{":
            return Chars(scanner.property_after(letter, start))
        if letter.lower() in SHORTHANDS:
            return Chars(shorthand(letter))
        if letter in LETTERS:
            return LETTERS[letter]
        if letter in "GKXyYg":
            scanner.fail(f"\\{letter}", at=start)
        if letter == "k" or self.is_reference(letter):
            return self.reference(letter, flags, start)
        return Literal(scanner.character_after_backslash(letter, start), flags.ignore_case)

    def is_reference(self, letter: str) -> bool:
        r"""Whether a digit begins a group's number, \1 to \9 or more if there are, and no octal number."""
        digits = letter
        for each in self.scanner.peek(3):
            if each not in "0123456789":
                break
            digits += each
        return letter in "123456789" and (len(digits) == 1 or int(digits) <= self.groups)

    def reference(self, letter: str, flags: Flags, start: int) -> Node:
        r"""A reference to a group: \1, \k<name>, \k<1>."""
        scanner = self.scanner
        name = letter
        if letter == "k":
            if not (scanner.accept("<") or scanner.accept("'")):
                scanner.fail("\\k", "lacks its <name>", start)
            name = scanner.until(">" if scanner.pattern[scanner.position - 1] == "<" else "'")
        else:
            while scanner.peek() and scanner.peek() in "0123456789":
                name += scanner.take()
        number = self.names.get(
            name, int(name) if name.isdecimal() and name.isascii() and len(name) < 5 and not self.named else 0
        )
        if not 0 < number <= self.groups:
            scanner.fail(f"\\{letter if letter != 'k' else 'k'}", "refers to no group before it", start)
        if flags.ignore_case:
            scanner.fail("(?i)", "is not supported with references to groups", start)
        return Backreference(number)

    def quantified(self, atom: Node | Literal, flags: Flags) -> Node | Literal:
        """The atom with the quantifiers after it."""
        while True:
            self.skip_ignored(flags)
            found = self.quantifier()
            if found is None:
                return atom
            least, most, mode = found
            repeat = Repeat(joined([atom]), least, most, lazy=mode == "?")
            atom = Atomic(repeat) if mode == "+" else repeat

    def quantifier(self) -> tuple[int, int | None, str] | None:
        """Least, most, and "?" if lazy, "+" if possessive, else ""."""
        scanner = self.scanner
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if scanner.accept(sign):
                return least, most, scanner.take() if scanner.peek() in ("?", "+") else ""
        if scanner.peek() != "{":
            return None
        scanner.take()
        found = self.interval()
        if found is None:
            scanner.position -= 1
            return None
        low, high, fixed = found
        if high is not None and high < low:
            return high, low, "+"
        return low, high, "?" if not fixed and scanner.accept("?") else ""

    def interval(self) -> tuple[int, int | None, bool] | None:
        """The numbers of an interval after its "{", and whether it has only one; None if it is none."""
        scanner = self.scanner
        stop = scanner.pattern.find("}", scanner.position)
        text = scanner.pattern[scanner.position : stop] if stop >= 0 else ""
        low, comma, high = text.partition(",")
        if not (low or high) or not (low + high).isdecimal() or not text.isascii():
            return None
        if max(len(low), len(high)) > 6 or max(int(low or 0), int(high or 0)) > MOST_REPEATS:
            scanner.fail(f"{{{text}}}", f"is more than {MOST_REPEATS} times")
        scanner.position = stop + 1
        least = int(low or 0)
        return least, (int(high) if high else None) if comma else least, not comma
