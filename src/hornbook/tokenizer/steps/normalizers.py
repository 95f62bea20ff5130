"""What happens to text before it is cut into words: the normalizers of a tokenizer.json.

A normalizer is a function from a part to a part. Most look at one character at a time (`character_map`);
normal forms are in `composition`, SentencePiece's own tables in `precompiled`.

Source: the normalizers of https://github.com/huggingface/tokenizers, whose results these have, place by
place.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import Settings
from hornbook.tokenizer.steps.aligned_text import Part
from hornbook.tokenizer.steps.character_map import CharacterMap
from hornbook.tokenizer.steps.normal_forms import NormalForm
from hornbook.tokenizer.steps.precompiled import Precompiled
from hornbook.tokenizer.steps.search_pattern import literal_pattern
from hornbook.tokenizer.unicode.classes import CONTROLS, LOWER_CASE, MARKS, NONSPACING_MARKS
from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.patterns import SPACES, WHITE_SPACE

__all__ = ["Normalizer", "build_normalizer", "prepend", "replace_text"]

Normalizer: TypeAlias = Callable[[Part], Part]

CHINESE = "3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F"
"""The ideographs that BERT writes apart; as in tokenizers, 2B820 to 2B91F are missing."""

NMT_GONE = "1-8 B E-1F 7F 8F 9F"
NMT_SPACES = "9-A C-D 20 1680 200B-200F 2028-2029 2581 FEFF FFFD"


def build_normalizer(settings: Settings) -> Normalizer:
    """The normalizer that a file describes.

    Raises:
        TokenizerError: it is of an unknown kind, or asks for what is not supported.
    """
    build = BUILDERS[settings.choice("type", BUILDERS)]
    normalizer = build(settings)
    settings.close()
    return normalizer


def prepend(text: str) -> Normalizer:
    """Puts a text before any part that is not empty; it stands where the first character does."""

    def normalize(part: Part) -> Part:
        if not part.text:
            return part
        return part.rewritten(text + part.text, (*[0] * len(text), *range(len(part.text))))

    return normalize


def replace_text(pattern: re.Pattern[str], content: str) -> Normalizer:
    """Replaces what a pattern matches; what comes in stands where the last character of the match did."""

    def normalize(part: Part) -> Part:
        origins: list[int] = []
        done = 0
        for found in pattern.finditer(part.text) if part.places is not None else ():
            start, stop = found.span()
            origins += [*range(done, start), *[stop - 1] * len(content)]
            done = stop
        origins += range(done, len(part.text))
        return part.rewritten(pattern.sub(lambda _: content, part.text), origins)

    return normalize


def _bert(settings: Settings) -> Normalizer:
    lowercase = settings.flag("lowercase", True)
    steps: list[tuple[bool, Normalizer]] = [
        (settings.flag("clean_text", True), _clean()),
        (settings.flag("handle_chinese_chars", True), _apart()),
        (settings.flag("strip_accents", lowercase), NormalForm("NFD")),
        (settings.flag("strip_accents", lowercase), _without(NONSPACING_MARKS)),
        (lowercase, _lower()),
    ]
    return partial(_in_turn, [step for wanted, step in steps if wanted])


def _in_turn(steps: list[Normalizer], part: Part) -> Part:
    for step in steps:
        part = step(part)
    return part


@cache
def _clean() -> CharacterMap:
    """Leaves out what cannot be seen, and makes all white space spaces."""
    controls, spaces = CodePoints(CONTROLS), CodePoints(SPACES)

    def replace(character: str) -> str:
        if character in "\t\n\r":
            return " "
        if ord(character) in controls:
            return ""
        return " " if ord(character) in spaces else character

    return CharacterMap(replace)


@cache
def _apart() -> CharacterMap:
    """Puts spaces around ideographs, each of which is then a word."""
    chinese = CodePoints(CHINESE)
    return CharacterMap(lambda character: f" {character} " if ord(character) in chinese else character)


@cache
def _without(ranges: str) -> CharacterMap:
    members = CodePoints(ranges)
    return CharacterMap(lambda character: "" if ord(character) in members else character)


@cache
def _lower() -> CharacterMap:
    """Every character in lower case by itself: no final sigma."""
    table = {0x130: "i\u0307"}
    for item in LOWER_CASE.split():
        span, sign, shift = re.split("([+-])(?=[^+-]+$)", item)
        bounds, _, step = span.partition("/")
        first, _, last = bounds.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1, int(step or 1)):
            table[code] = chr(code + int(sign + shift, 16))
    return CharacterMap(lambda character: table.get(ord(character), character))


@cache
def _nmt() -> CharacterMap:
    gone, spaces = CodePoints(NMT_GONE), CodePoints(NMT_SPACES)

    def replace(character: str) -> str:
        if ord(character) in gone:
            return ""
        return " " if ord(character) in spaces else character

    return CharacterMap(replace)


def _strip(settings: Settings) -> Normalizer:
    left, right = settings.flag("strip_left", True), settings.flag("strip_right", True)

    def normalize(part: Part) -> Part:
        start = len(part.text) - len(part.text.lstrip(WHITE_SPACE)) if left else 0
        stop = max(start, len(part.text.rstrip(WHITE_SPACE))) if right else len(part.text)
        return part.rewritten(part.text[start:stop], range(start, stop))

    return normalize


def _replace(settings: Settings) -> Normalizer:
    return replace_text(literal_pattern(settings), settings.text("content"))


def _sequence(settings: Settings) -> Normalizer:
    return partial(_in_turn, [build_normalizer(each) for each in settings.objects("normalizers")])


BUILDERS: Mapping[str, Callable[[Settings], Normalizer]] = {
    "BertNormalizer": _bert,
    "Lowercase": lambda _: _lower(),
    "Nmt": lambda _: _nmt(),
    "Precompiled": lambda settings: Precompiled.from_base64(
        settings.text("precompiled_charsmap"), settings.place
    ),
    "Prepend": lambda settings: prepend(settings.text("prepend")),
    "Replace": _replace,
    "Sequence": _sequence,
    "Strip": _strip,
    "StripAccents": lambda _: _without(MARKS),
    "NFC": lambda _: NormalForm("NFC"),
    "NFD": lambda _: NormalForm("NFD"),
    "NFKC": lambda _: NormalForm("NFKC"),
    "NFKD": lambda _: NormalForm("NFKD"),
}
"""Kinds of normalizers, by the names that files give them."""
