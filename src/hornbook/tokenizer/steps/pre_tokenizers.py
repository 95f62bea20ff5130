"""How normalized text is divided into words: the pre-tokenizers of a tokenizer.json.

A pre-tokenizer is a function from an aligned text to several. That of byte-level tokenizers is part of their
model (see `models.byte_bpe`).

Source: the pre-tokenizers of https://github.com/huggingface/tokenizers, which give the same words.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import pairwise
from typing import TypeAlias

from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.normalizers import prepend, replace_text, to_byte_alphabet
from hornbook.tokenizer.steps.search_pattern import FindSpans, search_pattern, spans_by
from hornbook.tokenizer.unicode.classes import DIGITS, PUNCTUATION, WORD
from hornbook.tokenizer.unicode.patterns import SPACES, word_pattern
from hornbook.tokenizer.unicode.regex_classes import class_body, one_of, run_of
from hornbook.tokenizer.unicode.scripts import SCRIPTS

__all__ = ["PreTokenizer", "build_pre_tokenizer", "in_turn", "put_space"]

PreTokenizer: TypeAlias = Callable[[AlignedText], Iterable[AlignedText]]

Piece: TypeAlias = tuple[int, int, bool]
"""Start, stop, and whether it matches the pattern."""

BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")


def build_pre_tokenizer(settings: JsonObject) -> PreTokenizer:
    """The pre-tokenizer that a file describes.

    Raises:
        TokenizerError: its type is unknown, or a setting is not supported.
    """
    build = BUILDERS[settings.choice("type", BUILDERS)]
    return build(settings)


def in_turn(splits: Iterable[PreTokenizer], aligned: AlignedText) -> list[AlignedText]:
    """Divides a text with the first pre-tokenizer, each word with the next, and so on; drops empty words."""
    words = [aligned]
    for split in splits:
        words = [word for each in words for word in split(each) if word.text]
    return words


def _matches(find: FindSpans, aligned: AlignedText) -> list[AlignedText]:
    """The matches of a pattern, without the text between them."""
    return [aligned.slice(start, stop) for start, stop in find(aligned.text)]


def _split(find: FindSpans, behavior: str, inverted: bool, aligned: AlignedText) -> list[AlignedText]:
    """Splits where a pattern matches; the behavior says what becomes of the matches."""
    pieces = [(start, stop, hit != inverted) for start, stop, hit in _pieces(find, aligned.text)]
    return [aligned.slice(start, stop) for start, stop in ARRANGE[behavior](pieces)]


def _pieces(find: FindSpans, text: str) -> Iterator[Piece]:
    done = 0
    for start, stop in find(text):
        if done < start:
            yield done, start, False
        yield start, stop, True
        done = stop
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
    """The first of several matches in a row joins the text before it; the others stand alone."""
    result: list[tuple[int, int]] = []
    last = False
    for start, stop, hit in pieces:
        joins = hit and not last and result
        result.append((result.pop()[0] if joins else start, stop))
        last = hit
    return result


def _merged_with_next(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """The last of several matches in a row joins the text after it."""
    mirrored = [(-stop, -start, hit) for start, stop, hit in reversed(list(pieces))]
    return [(-stop, -start) for start, stop in reversed(_merged_with_previous(mirrored))]


put_space = prepend(" ")

ARRANGE: Mapping[str, Callable[[Iterable[Piece]], list[tuple[int, int]]]] = {
    "Removed": _removed,
    "Isolated": _isolated,
    "MergedWithPrevious": _merged_with_previous,
    "MergedWithNext": _merged_with_next,
    "Contiguous": _contiguous,
}


def _build_split(settings: JsonObject) -> PreTokenizer:
    behavior = settings.choice("behavior", BEHAVIORS)
    inverted = settings.flag("invert", False)
    return partial(_split, search_pattern(settings), behavior, inverted)


def _metaspace(settings: JsonObject) -> PreTokenizer:
    """Writes spaces as "▁", puts one before the text, and splits before each."""
    mark = settings.character("replacement", "▁")
    old_scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    scheme = settings.choice("prepend_scheme", ("always", "first", "never"), old_scheme)
    is_split = settings.flag("split", True)
    mark_spaces, put_mark = replace_text(spans_by(re.compile(" ")), mark), prepend(mark)
    words = spans_by(re.compile(f"{re.escape(mark)}?[^{re.escape(mark)}]+|{re.escape(mark)}"))

    def split(aligned: AlignedText) -> list[AlignedText]:
        aligned = mark_spaces(aligned)
        wanted = scheme == "always" or (scheme == "first" and aligned.at_start)
        if wanted and not aligned.text.startswith(mark):
            aligned = put_mark(aligned)
        return _matches(words, aligned) if is_split else [aligned]

    return split


def _byte_level(settings: JsonObject) -> PreTokenizer:
    """Puts a space before the text, divides it as GPT-2 does, and spells bytes in the byte alphabet."""
    has_prefix = settings.flag("add_prefix_space", True)
    find = spans_by(word_pattern("gpt2")) if settings.flag("use_regex", True) else None

    def split(aligned: AlignedText) -> list[AlignedText]:
        if has_prefix and not aligned.text.startswith(" "):
            aligned = put_space(aligned)
        words = [aligned] if find is None else _matches(find, aligned)
        return list(map(to_byte_alphabet, words))

    return split


def _fixed_length(settings: JsonObject) -> PreTokenizer:
    """Words of a fixed length; the last one may be shorter."""
    length = settings.integer("length", 5, least=1)

    def split(aligned: AlignedText) -> list[AlignedText]:
        return [aligned.slice(start, start + length) for start in range(0, len(aligned.text), length)]

    return split


def _by_scripts(aligned: AlignedText) -> list[AlignedText]:
    """Divides where the script changes; characters without a script go with those before, or are dropped."""
    scripts = [_script_of(character) for character in aligned.text]
    starts: list[int] = []
    last: int | None = None
    for index, script in enumerate(scripts):
        if script is not None and script != last:
            starts.append(index)
            last = script
    return [aligned.slice(start, stop) for start, stop in pairwise([*starts, len(scripts)])]


@cache
def _script_of(character: str) -> int | None:
    """The number of a character's script; None if it goes with any other."""
    bounds, numbers = _script_table()
    index = bisect_right(bounds, ord(character)) - 1
    return numbers[index] if index >= 0 else None


@cache
def _script_table() -> tuple[list[int], list[int | None]]:
    """Where each range begins, and the one after it; and its script."""
    bounds: list[int] = []
    numbers: list[int | None] = []
    for item in SCRIPTS.split():
        span, _, number = item.partition(":")
        first, last = (int(each, 16) for each in span.split("-"))
        if bounds and bounds[-1] == first:
            numbers[-1] = int(number)
        else:
            bounds.append(first)
            numbers.append(int(number))
        bounds.append(last + 1)
        numbers.append(None)
    return bounds, numbers


def _punctuation(settings: JsonObject) -> PreTokenizer:
    behavior = settings.choice("behavior", BEHAVIORS, "Isolated")
    return partial(_split, spans_by(re.compile(one_of(PUNCTUATION))), behavior, False)


def _digits(settings: JsonObject) -> PreTokenizer:
    behavior = "Isolated" if settings.flag("individual_digits", False) else "Contiguous"
    return partial(_split, spans_by(re.compile(one_of(DIGITS))), behavior, False)


def _delimiter(settings: JsonObject) -> PreTokenizer:
    find = spans_by(re.compile(re.escape(settings.character("delimiter"))))
    return partial(_split, find, "Removed", False)


def _sequence(settings: JsonObject) -> PreTokenizer:
    return partial(in_turn, [build_pre_tokenizer(each) for each in settings.objects("pretokenizers")])


def _by_matches(expression: str) -> Callable[[JsonObject], PreTokenizer]:
    return lambda _: partial(_matches, spans_by(re.compile(expression)))


BUILDERS: Mapping[str, Callable[[JsonObject], PreTokenizer]] = {
    "BertPreTokenizer": _by_matches(f"{run_of(SPACES, PUNCTUATION, negated=True)}|{one_of(PUNCTUATION)}"),
    "ByteLevel": _byte_level,
    "CharDelimiterSplit": _delimiter,
    "Digits": _digits,
    "FixedLength": _fixed_length,
    "Metaspace": _metaspace,
    "Punctuation": _punctuation,
    "Sequence": _sequence,
    "Split": _build_split,
    "UnicodeScripts": lambda _: _by_scripts,
    "Whitespace": _by_matches(f"{run_of(WORD)}|{run_of(SPACES, WORD, negated=True)}"),
    "WhitespaceSplit": _by_matches(f"[^{class_body(SPACES)}]+"),
}
"""Pre-tokenizers by type."""
