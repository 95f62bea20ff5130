"""What happens to text before it is divided into words: the normalizers of a tokenizer.json.

A normalizer is a function from an aligned text to another. Most look at one character at a time
(`character_map`); normal forms are in `normal_forms`, SentencePiece's own tables in `precompiled`.

Source: the normalizers of https://github.com/huggingface/tokenizers, which give the same text and alignment.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TypeAlias

from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.character_map import CharacterMap
from hornbook.tokenizer.steps.normal_forms import NormalForm
from hornbook.tokenizer.steps.precompiled import Precompiled
from hornbook.tokenizer.steps.search_pattern import FindSpans, replaced, search_pattern
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.classes import CONTROLS, LOWER_CASE, MARKS, NONSPACING_MARKS
from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.patterns import SPACES, WHITE_SPACE

__all__ = ["Normalizer", "build_normalizer", "prepend", "replace_text", "to_byte_alphabet"]

Normalizer: TypeAlias = Callable[[AlignedText], AlignedText]

CHINESE = "3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F"
"""The ideographs that BERT puts spaces around; as in tokenizers, 2B820 to 2B91F are missing."""

NMT_REMOVED = "1-8 B E-1F 7F 8F 9F"
NMT_SPACES = "9-A C-D 20 1680 200B-200F 2028-2029 2581 FEFF FFFD"


def build_normalizer(settings: JsonObject) -> Normalizer:
    """The normalizer that a file describes.

    Raises:
        TokenizerError: its type is unknown, or a setting is not supported.
    """
    build = BUILDERS[settings.choice("type", BUILDERS)]
    return build(settings)


def prepend(text: str) -> Normalizer:
    """Puts a prefix before a text that is not empty; the prefix has the position of the first character."""

    def normalize(aligned: AlignedText) -> AlignedText:
        if not aligned.text:
            return aligned
        return aligned.rewritten(text + aligned.text, (*[0] * len(text), *range(len(aligned.text))))

    return normalize


def replace_text(find: FindSpans, content: str) -> Normalizer:
    """Replaces the matches of a pattern; a replacement has the position of its match's last character."""

    def normalize(aligned: AlignedText) -> AlignedText:
        origins: list[int] = []
        done = 0
        for start, stop in find(aligned.text) if aligned.positions is not None else ():
            origins += [*range(done, start), *[stop - 1] * len(content)]
            done = stop
        origins += range(done, len(aligned.text))
        return aligned.rewritten(replaced(find, content, aligned.text), origins)

    return normalize


def to_byte_alphabet(aligned: AlignedText) -> AlignedText:
    """Spells the bytes of a text in the byte alphabet."""
    origins = (index for index, character in enumerate(aligned.text) for _ in character.encode())
    return aligned.rewritten("".join(map(BYTE_TO_CHARACTER.__getitem__, aligned.text.encode())), origins)


def _bert(settings: JsonObject) -> Normalizer:
    lowercase = settings.flag("lowercase", True)
    steps: list[tuple[bool, Normalizer]] = [
        (settings.flag("clean_text", True), _clean()),
        (settings.flag("handle_chinese_chars", True), _spaced_ideographs()),
        (settings.flag("strip_accents", lowercase), NormalForm("NFD")),
        (settings.flag("strip_accents", lowercase), _without(NONSPACING_MARKS)),
        (lowercase, _lower()),
    ]
    return partial(_in_turn, [step for wanted, step in steps if wanted])


def _in_turn(steps: list[Normalizer], aligned: AlignedText) -> AlignedText:
    for step in steps:
        aligned = step(aligned)
    return aligned


@cache
def _clean() -> CharacterMap:
    """Removes control characters, and turns all white space into spaces."""
    controls, spaces = CodePoints(CONTROLS), CodePoints(SPACES)

    def replace(character: str) -> str:
        if character in "\t\n\r":
            return " "
        if ord(character) in controls:
            return ""
        return " " if ord(character) in spaces else character

    return CharacterMap(replace)


@cache
def _spaced_ideographs() -> CharacterMap:
    """Puts spaces around ideographs, so that each is a word."""
    chinese = CodePoints(CHINESE)
    return CharacterMap(lambda character: f" {character} " if ord(character) in chinese else character)


@cache
def _without(ranges: str) -> CharacterMap:
    members = CodePoints(ranges)
    return CharacterMap(lambda character: "" if ord(character) in members else character)


@cache
def _lower() -> CharacterMap:
    """Each character in lower case on its own: no final sigma."""
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
    removed, spaces = CodePoints(NMT_REMOVED), CodePoints(NMT_SPACES)

    def replace(character: str) -> str:
        if ord(character) in removed:
            return ""
        return " " if ord(character) in spaces else character

    return CharacterMap(replace)


def _strip(settings: JsonObject) -> Normalizer:
    left, right = settings.flag("strip_left", True), settings.flag("strip_right", True)

    def normalize(aligned: AlignedText) -> AlignedText:
        start = len(aligned.text) - len(aligned.text.lstrip(WHITE_SPACE)) if left else 0
        stop = max(start, len(aligned.text.rstrip(WHITE_SPACE))) if right else len(aligned.text)
        return aligned.rewritten(aligned.text[start:stop], range(start, stop))

    return normalize


def _replace(settings: JsonObject) -> Normalizer:
    return replace_text(search_pattern(settings), settings.text("content"))


def _sequence(settings: JsonObject) -> Normalizer:
    return partial(_in_turn, [build_normalizer(each) for each in settings.objects("normalizers")])


BUILDERS: Mapping[str, Callable[[JsonObject], Normalizer]] = {
    "BertNormalizer": _bert,
    "ByteLevel": lambda _: to_byte_alphabet,
    "Lowercase": lambda _: _lower(),
    "Nmt": lambda _: _nmt(),
    "Precompiled": lambda settings: Precompiled.from_base64(
        settings.text("precompiled_charsmap"), settings.path
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
"""Normalizers by type."""
