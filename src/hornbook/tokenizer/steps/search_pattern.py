"""The patterns that normalizers, pre-tokenizers and decoders search for."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.regex import compile_pattern
from hornbook.tokenizer.unicode.patterns import pattern_named, word_pattern

__all__ = ["FindSpans", "replaced", "search_pattern", "spans_by"]

FindSpans: TypeAlias = Callable[[str], Iterable[tuple[int, int]]]
"""Gives start and stop of all matches in a text, from left to right."""

SAME_IN_RE = frozenset((" {2,}", " +", r"\n", "[0-9]"))
"""Regular expressions with the same meaning for `re`; files are written for Oniguruma."""


def search_pattern(settings: JsonObject) -> FindSpans:
    """The setting `pattern`: a literal text, or a regular expression.

    Raises:
        TokenizerError: it is neither, or the regular expression has what is not supported.
    """
    pattern = settings.object("pattern")
    if pattern.value("Regex") is None:
        return spans_by(re.compile(re.escape(pattern.text("String"))))
    expression = pattern.text("Regex")
    if expression in SAME_IN_RE:
        return spans_by(re.compile(expression))
    name = pattern_named(expression)
    if name is not None:
        return spans_by(word_pattern(name))
    try:
        return compile_pattern(expression).spans
    except TokenizerError as problem:
        raise TokenizerError(f"{pattern.path}: {problem}") from None


def spans_by(pattern: re.Pattern[str]) -> FindSpans:
    """The matches of a pattern of `re`."""
    return partial(_spans, pattern)


def replaced(find: FindSpans, content: str, text: str) -> str:
    """The text with a content, taken literally, in place of each match."""
    pieces: list[str] = []
    done = 0
    for start, stop in find(text):
        pieces += (text[done:start], content)
        done = stop
    return "".join([*pieces, text[done:]])


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    for found in pattern.finditer(text):
        yield found.span()
