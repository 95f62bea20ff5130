"""How normalised text is cut into words: the pre-tokenizers of a tokenizer.json.

A pre-tokenizer is a function from a part to parts. The one of byte-level tokenizers is not among them: it is
one with their model (see `byte_level_model`).

Source: the pre-tokenizers of https://github.com/huggingface/tokenizers, whose results these have.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import Settings
from hornbook.tokenizer.steps.aligned_text import Part
from hornbook.tokenizer.steps.normalizers import prepend, replace_text
from hornbook.tokenizer.steps.search_pattern import literal_pattern
from hornbook.tokenizer.unicode.classes import DIGITS, PUNCTUATION, WORD
from hornbook.tokenizer.unicode.patterns import SPACES, pattern_named, word_pattern
from hornbook.tokenizer.unicode.regex_classes import class_body, one_of, run_of

__all__ = ["PreTokenizer", "build_pre_tokenizer", "in_turn"]

PreTokenizer: TypeAlias = Callable[[Part], Iterable[Part]]

Piece: TypeAlias = tuple[int, int, bool]
"""Start, stop, and whether it is what was looked for."""

BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")


def build_pre_tokenizer(settings: Settings) -> PreTokenizer:
    """The pre-tokenizer that a file describes.

    Raises:
        TokenizerError: it is of an unknown kind, or asks for what is not supported.
    """
    build = BUILDERS[settings.choice("type", BUILDERS)]
    split = build(settings)
    settings.close()
    return split


def in_turn(splits: Iterable[PreTokenizer], part: Part) -> list[Part]:
    """Cuts a part, then the parts of it, and so on; empty ones are left out."""
    parts = [part]
    for split in splits:
        parts = [word for each in parts for word in split(each) if word.text]
    return parts


def _matches(pattern: re.Pattern[str], part: Part) -> list[Part]:
    """What the pattern matches, and nothing between."""
    return [part.slice(*found.span()) for found in pattern.finditer(part.text)]


def _split(pattern: re.Pattern[str], behavior: str, inverted: bool, part: Part) -> list[Part]:
    """Cuts where a pattern matches. What is matched goes where the behavior says."""
    pieces = [(start, stop, hit != inverted) for start, stop, hit in _pieces(pattern, part.text)]
    return [part.slice(start, stop) for start, stop in ARRANGE[behavior](pieces)]


def _pieces(pattern: re.Pattern[str], text: str) -> Iterator[Piece]:
    done = 0
    for found in pattern.finditer(text):
        if done < found.start():
            yield done, found.start(), False
        yield *found.span(), True
        done = found.end()
    if done < len(text):
        yield done, len(text), False


def _isolated(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    return [(start, stop) for start, stop, _ in pieces]


def _removed(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    return [(start, stop) for start, stop, hit in pieces if not hit]


def _contiguous(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    last: bool | None = None
    for start, stop, hit in pieces:
        joins = hit == last
        result.append((result.pop()[0] if joins else start, stop))
        last = hit
    return result


def _merged_with_previous(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """The first of several matches in a row joins what is before it; the others stand alone."""
    result: list[tuple[int, int]] = []
    last = False
    for start, stop, hit in pieces:
        joins = hit and not last and result
        result.append((result.pop()[0] if joins else start, stop))
        last = hit
    return result


def _merged_with_next(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """The last of several matches in a row joins what is behind it."""
    mirrored = [(-stop, -start, hit) for start, stop, hit in reversed(list(pieces))]
    return [(-stop, -start) for start, stop in reversed(_merged_with_previous(mirrored))]


ARRANGE: Mapping[str, Callable[[Iterable[Piece]], list[tuple[int, int]]]] = {
    "Removed": _removed,
    "Isolated": _isolated,
    "MergedWithPrevious": _merged_with_previous,
    "MergedWithNext": _merged_with_next,
    "Contiguous": _contiguous,
}


def _build_split(settings: Settings) -> PreTokenizer:
    behavior = settings.choice("behavior", BEHAVIORS)
    inverted = settings.flag("invert", False)
    named = _named_pattern(settings)
    pattern = literal_pattern(settings) if named is None else named
    return partial(_split, pattern, behavior, inverted)


def _named_pattern(settings: Settings) -> re.Pattern[str] | None:
    """The pattern of a family of models, if it is one."""
    expression = settings.object("pattern").value("Regex")
    name = pattern_named(expression) if isinstance(expression, str) else None
    return None if name is None else word_pattern(name)


def _metaspace(settings: Settings) -> PreTokenizer:
    """Writes spaces as "▁", puts one before, and cuts before each."""
    mark = settings.character("replacement", "▁")
    old_scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    scheme = settings.choice("prepend_scheme", ("always", "first", "never"), old_scheme)
    settings.value("str_rep")  # the mark again, in old files
    is_split = settings.flag("split", True)
    mark_spaces, put_mark = replace_text(re.compile(" "), mark), prepend(mark)
    words = re.compile(f"{re.escape(mark)}?[^{re.escape(mark)}]+|{re.escape(mark)}")

    def split(part: Part) -> list[Part]:
        part = mark_spaces(part)
        wanted = scheme == "always" or (scheme == "first" and part.at_start)
        if wanted and not part.text.startswith(mark):
            part = put_mark(part)
        return _matches(words, part) if is_split else [part]

    return split


def _punctuation(settings: Settings) -> PreTokenizer:
    behavior = settings.choice("behavior", BEHAVIORS, "Isolated")
    return partial(_split, re.compile(one_of(PUNCTUATION)), behavior, False)


def _digits(settings: Settings) -> PreTokenizer:
    behavior = "Isolated" if settings.flag("individual_digits", False) else "Contiguous"
    return partial(_split, re.compile(one_of(DIGITS)), behavior, False)


def _delimiter(settings: Settings) -> PreTokenizer:
    return partial(_split, re.compile(re.escape(settings.character("delimiter"))), "Removed", False)


def _sequence(settings: Settings) -> PreTokenizer:
    return partial(in_turn, [build_pre_tokenizer(each) for each in settings.objects("pretokenizers")])


def _by_matches(expression: str) -> Callable[[Settings], PreTokenizer]:
    return lambda _: partial(_matches, re.compile(expression))


BUILDERS: Mapping[str, Callable[[Settings], PreTokenizer]] = {
    "BertPreTokenizer": _by_matches(f"{run_of(SPACES, PUNCTUATION, negated=True)}|{one_of(PUNCTUATION)}"),
    "CharDelimiterSplit": _delimiter,
    "Digits": _digits,
    "Metaspace": _metaspace,
    "Punctuation": _punctuation,
    "Sequence": _sequence,
    "Split": _build_split,
    "Whitespace": _by_matches(f"{run_of(WORD)}|{run_of(SPACES, WORD, negated=True)}"),
    "WhitespaceSplit": _by_matches(f"[^{class_body(SPACES)}]+"),
}
"""Kinds of pre-tokenizers, by the names that files give them."""
