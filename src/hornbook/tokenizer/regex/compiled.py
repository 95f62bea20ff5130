r"""Regular expressions as tokenizer.json files have them, in Oniguruma's syntax, run by `re`.

A pattern is parsed to a tree (`parser`), freed of needless backtracking (`simplify`), and
written for `re` with its Unicode properties spelled out (`writer`).

A pattern from a file can be slow on purpose, and `re` can be neither interrupted nor limited. So it
never gets the chance:

- A pattern whose repeats hold several ways to match, as `(a+)+$`, does not run in `re` at all but in
  `matcher`, which is slower by a factor of about a hundred and takes time in proportion to the text.
- Any other pattern needs at most some walks through the text at each position. On texts of more than
  SHORT_TEXT characters it runs in windows of WINDOW positions; when the windows together have taken more than
  SECONDS (and more for longer texts), as `\s+x` does on a megabyte of spaces, `matcher` does the rest.

The results are the same either way.
"""

import re
import time
from collections.abc import Iterator
from functools import cached_property, lru_cache

from hornbook.errors import TokenizerError
from hornbook.tokenizer.regex.matcher import Program, Run
from hornbook.tokenizer.regex.parser import parse
from hornbook.tokenizer.regex.simplify import is_tame, possessive
from hornbook.tokenizer.regex.tree import Node, widths
from hornbook.tokenizer.regex.writer import references, write

__all__ = ["CompiledPattern", "compile_pattern"]

MOST_CHARACTERS = 20_000
SHORT_TEXT = 2_000
WINDOW = 255
SECONDS = 1.0
SECONDS_PER_CHARACTER = 5e-6
CALLS_PER_LOOK = 32


class CompiledPattern:
    """A regular expression, ready to be looked for. Made by `compile_pattern`.

    Args:
        pattern: as it stands in the file.
        tree: what it means.
    """

    def __init__(self, pattern: str, tree: Node) -> None:
        self.pattern = pattern
        self._tree = possessive(tree)
        self._is_tame = is_tame(self._tree)
        self._takes_text = widths(tree)[0] > 0
        self._source = write(self._tree)

    def __repr__(self) -> str:
        """Shows the pattern."""
        return f"compile_pattern({self.pattern!r})"

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        r"""Start and stop of all matches from left to right, in characters.

        As in the tokenizers package, no empty match follows another match directly.

        Raises:
            TokenizerError: the pattern takes too many steps on this text.

        Example:
            >>> list(compile_pattern(r"\p{Han}+|\d{1,3}").spans("漢字1234"))
            [(0, 2), (2, 5), (5, 6)]
        """
        if self._is_tame and self._takes_text and len(text) <= SHORT_TEXT:
            return (found.span() for found in self._regex.finditer(text))
        return self._stepwise(text)

    def _stepwise(self, text: str) -> Iterator[tuple[int, int]]:
        search = _Search(self, text)
        position, last_stop = 0, -1
        while position <= len(text):
            found = search.after(position)
            if found is None:
                return
            start, stop = found
            if start == stop == last_stop:
                position += 1
                continue
            yield found
            position = last_stop = stop

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return _compiled(self.pattern, self._source)

    @cached_property
    def window(self) -> re.Pattern[str]:
        """Finds a match, as the group `found`, that starts at one of the next WINDOW positions."""
        return _compiled(self.pattern, rf"[\0-\U0010ffff]{{0,{WINDOW - 1}}}?(?P<found>{self._source})")

    @property
    def is_tame(self) -> bool:
        """Whether `re` may run it."""
        return self._is_tame

    @cached_property
    def program(self) -> Program:
        """The pattern for the matcher that remembers."""
        return Program(self._tree, references(self._tree))


class _Search:
    """Looks for one pattern in one text, by `re` as long as that is quick.

    Args:
        pattern: what to look for.
        text: where.
    """

    def __init__(self, pattern: CompiledPattern, text: str) -> None:
        self.pattern = pattern
        self.text = text
        self.calls = 0
        self.end = time.thread_time() + SECONDS + SECONDS_PER_CHARACTER * len(text)
        self.run = None if pattern.is_tame else Run(pattern.program, text)

    def after(self, position: int) -> tuple[int, int] | None:
        """The first match that starts at a position or later."""
        length = len(self.text)
        while self.run is None and position <= length:
            found = self.pattern.window.match(self.text, position)
            self.calls += 1
            if found is None or self.calls % CALLS_PER_LOOK == 0:
                self._look_at_clock()
            if found is not None:
                return found.span("found")
            position += WINDOW
        return None if self.run is None else self.run.search(position)

    def _look_at_clock(self) -> None:
        if time.thread_time() > self.end:
            self.run = Run(self.pattern.program, self.text)


def _compiled(pattern: str, source: str) -> re.Pattern[str]:
    try:
        return re.compile(source)
    except (re.error, RecursionError, OverflowError) as error:
        raise TokenizerError(f"regular expression {pattern[:60]!r}: cannot be translated: {error}") from error


@lru_cache(maxsize=64)
def compile_pattern(pattern: str) -> CompiledPattern:
    """Makes a regular expression of a tokenizer.json ready.

    Raises:
        TokenizerError: it is malformed, or has what cannot be translated; names what and where.
    """
    if len(pattern) > MOST_CHARACTERS:
        raise TokenizerError(
            f"regular expression: has {len(pattern)} characters; at most {MOST_CHARACTERS} are read"
        )
    try:
        return CompiledPattern(pattern, parse(pattern))
    except RecursionError as error:
        raise TokenizerError(f"regular expression {pattern[:60]!r}: is nested too deeply") from error
