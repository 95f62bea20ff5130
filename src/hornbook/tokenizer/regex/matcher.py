"""Matches a regular expression in time that grows with the text, whatever the expression is.

`re` goes back and tries again, for `(a+)+$` as often as there are ways to cut a run of "a" into parts: 2**n.
This matcher goes back in the same order but remembers which instruction it has tried at which position, since
what failed there once fails again. So it takes at most (instructions) x (positions) steps, each some hundred
times as slow as one of `re`. Where a pattern refers to groups, the past matters, nothing can be remembered,
and a limit on the steps ends what would never end.

Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (2009);
the memo of Ruby 3.2's engine.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.regex.simplify import is_tame
from hornbook.tokenizer.regex.tree import (
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
    widths,
)
from hornbook.tokenizer.regex.writer import references, write

__all__ = ["Program", "Run"]

MOST_INSTRUCTIONS = 20_000
STEPS_PER_CHARACTER = 100
STEPS_AT_LEAST = 1_000_000

Registers: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """Matches something in the one way that `re` does."""

    match: Callable[[str, int], "re.Match[str] | None"]


@dataclass(frozen=True)
class Split:
    """Goes on at `first`, and if that fails at `second`."""

    first: int
    second: int


@dataclass(frozen=True)
class Jump:
    """Goes on elsewhere."""

    to: int


@dataclass(frozen=True)
class Save:
    """Writes the position into a register."""

    register: int


@dataclass(frozen=True)
class Progress:
    """Leaves a loop whose last round took no text."""

    register: int
    to: int


@dataclass(frozen=True)
class Same:
    """Matches the text between two registers."""

    register: int


@dataclass(frozen=True)
class Apart:
    """Runs a program of its own: `look` is None for an atomic group, else whether it has to match."""

    program: "Program"
    look: bool | None


Instruction: TypeAlias = Step | Split | Jump | Save | Progress | Same | Apart | None
"""None ends with a match."""


@dataclass(frozen=True, eq=False)
class Program:
    """A tree as instructions.

    Raises:
        TokenizerError: there would be more than MOST_INSTRUCTIONS.
    """

    tree: Node
    remembered: frozenset[int] = frozenset()
    instructions: list[Instruction] = field(default_factory=list)
    registers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Writes the instructions."""
        self.add(self.tree)
        self.instructions.append(None)

    def add(self, node: Node) -> None:
        """Appends the instructions for a node."""
        if len(self.instructions) > MOST_INSTRUCTIONS:
            raise TokenizerError(
                "regular expression: its repeats, written out, take more than "
                f"{MOST_INSTRUCTIONS} instructions; use smaller intervals"
            )
        match node:
            case Sequence(items):
                for item in items:
                    self.add(item)
            case Choice(options):
                self._choice(options)
            case Repeat():
                self._repeat(node)
            case Group(body, number) if number in self.remembered:
                self._save(2 * number)
                self.add(body)
                self._save(2 * number + 1)
            case Group(body):
                self.add(body)
            case Backreference(number):
                self.instructions.append(Same(self._register(2 * number)))
                self._register(2 * number + 1)
            case _:
                self.instructions.append(self._leaf(node))

    def _leaf(self, node: Chars | Edge | Look | Atomic) -> Instruction:
        has_past = bool(references(node))
        if isinstance(node, Chars | Edge) or (is_tame(node) and not has_past):
            return Step(re.compile(write(node)).match)
        if has_past or (isinstance(node, Look) and not node.ahead):
            raise TokenizerError(
                "regular expression: a look-behind, look-ahead or atomic group that may match in very many "
                "ways, or refers to a group, is not supported beside repeats in repeats"
            )
        return Apart(Program(node.body), not node.negative if isinstance(node, Look) else None)

    def _save(self, name: int) -> None:
        self.instructions.append(Save(self._register(name)))

    def _register(self, name: int) -> int:
        if name not in self.registers:
            self.registers.append(name)
        return self.registers.index(name)

    def _choice(self, options: tuple[Node, ...]) -> None:
        jumps = []
        for option in options[:-1]:
            split = self._hole()
            self.add(option)
            jumps.append(self._hole())
            self.instructions[split] = Split(split + 1, len(self.instructions))
        self.add(options[-1])
        for jump in jumps:
            self.instructions[jump] = Jump(len(self.instructions))

    def _hole(self) -> int:
        self.instructions.append(None)
        return len(self.instructions) - 1

    def _repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self.add(node.body)
        if node.most is None:
            self._loop(node)
            return
        splits = []
        for _ in range(node.most - node.least):
            splits.append(self._hole())
            self.add(node.body)
        for split in splits:
            self.instructions[split] = self._split(split, len(self.instructions), node.lazy)

    def _loop(self, node: Repeat) -> None:
        split = self._hole()
        may_be_empty = widths(node.body)[0] == 0
        register = self._register(-split - 1) if may_be_empty else 0
        if may_be_empty:
            self.instructions.append(Save(register))
        self.add(node.body)
        check = self._hole() if may_be_empty else -1
        self.instructions.append(Jump(split))
        end = len(self.instructions)
        if may_be_empty:
            self.instructions[check] = Progress(register, end)
        self.instructions[split] = self._split(split, end, node.lazy)

    def _split(self, split: int, end: int, lazy: bool) -> Split:
        return Split(end, split + 1) if lazy else Split(split + 1, end)


class Run:
    """One program on one text; remembers what failed.

    Args:
        program: what to match.
        text: where.
        budget: a list of one number, the steps left, shared by the runs of parts of a pattern.
    """

    def __init__(self, program: Program, text: str, budget: list[int] | None = None) -> None:
        self.program = program
        self.text = text
        self.budget = [STEPS_AT_LEAST + STEPS_PER_CHARACTER * len(text)] if budget is None else budget
        self.failed: dict[int, bytearray] = {}
        self.parts: dict[int, Run] = {}
        self.known: dict[int, int] = {}

    def search(self, position: int) -> tuple[int, int] | None:
        """The first match that starts at a position or later."""
        for start in range(position, len(self.text) + 1):
            stop = self.match(start)
            if stop >= 0:
                for row in self.failed.values():
                    row[stop] = 0  # not failed, but part of this match
                return start, stop
        return None

    def match(self, start: int) -> int:
        """Where the match that starts here ends; -1 for none.

        Raises:
            TokenizerError: the steps are used up.
        """
        instructions, text, registers = self.program.instructions, self.text, self.program.registers
        stack: list[tuple[int, int, Registers]] = [(0, start, (-1,) * len(registers))]
        steps = 0
        while stack:
            at, position, saved = stack.pop()
            while at >= 0:
                steps += 1
                instruction = instructions[at]
                at += 1
                match instruction:
                    case Step(match):
                        found = match(text, position)
                        if found is None:
                            break
                        position = found.end()
                    case Split(first, second):
                        if not registers and self._was_here(at, position):
                            break
                        stack.append((second, position, saved))
                        at = first
                    case Jump(to):
                        at = to
                    case None:
                        self._spend(steps)
                        return position
                    case _:
                        at, position, saved = self._rarely(instruction, at, position, saved)
            if steps > 1000:
                self._spend(steps)
                steps = 0
        self._spend(steps)
        return -1

    def _rarely(
        self, instruction: Save | Progress | Same | Apart, at: int, position: int, saved: Registers
    ) -> tuple[int, int, Registers]:
        """The next instruction (-1 if this one fails), position and registers."""
        match instruction:
            case Save(register):
                return at, position, (*saved[:register], position, *saved[register + 1 :])
            case Progress(register, to):
                return to if saved[register] == position else at, position, saved
            case Same(register):
                first, last = saved[register], saved[register + 1]
                wanted = self.text[first:last] if 0 <= first <= last else None
                if wanted is None or not self.text.startswith(wanted, position):
                    return -1, position, saved
                return at, position + len(wanted), saved
            case Apart(program, look):
                stop = self._part(at, program).memoized(position)
                if look is None:
                    return (at, stop, saved) if stop >= 0 else (-1, position, saved)
                return (at if (stop >= 0) == look else -1), position, saved

    def _part(self, at: int, program: Program) -> "Run":
        if at not in self.parts:
            self.parts[at] = Run(program, self.text, self.budget)
        return self.parts[at]

    def memoized(self, start: int) -> int:
        """As `match`, and remembers what came out."""
        if start not in self.known:
            stop = self.known[start] = self.match(start)
            if stop >= 0:
                self.failed.clear()
        return self.known[start]

    def _was_here(self, at: int, position: int) -> bool:
        row = self.failed.get(at)
        if row is None:
            row = self.failed[at] = bytearray(len(self.text) + 1)
        seen = row[position] == 1
        row[position] = 1
        return seen

    def _spend(self, steps: int) -> None:
        self.budget[0] -= steps
        if self.budget[0] < 0:
            raise TokenizerError(
                f"regular expression: took more than {STEPS_PER_CHARACTER} steps a character on a text of "
                f"{len(self.text)}; write it without repeats in repeats"
            )
