"""Writes src/hornbook/tokenizer/unicode/classes.py: what Hugging Face's tokenizers knows of characters.

Run it with tokenizers installed. Its parts know different versions of Unicode, none of which can be asked
for, so every code point is tried.
"""

import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from make_unicode_ranges import CHARACTERS, as_ranges
from tokenizers import normalizers, pre_tokenizers

TARGET = Path(__file__).parents[2] / "src" / "hornbook" / "tokenizer" / "unicode" / "classes.py"
FORMS: dict[Literal["NFD", "NFKD"], normalizers.Normalizer] = {
    "NFD": normalizers.NFD(),
    "NFKD": normalizers.NFKD(),
}
MOST_BETWEEN = 16

HEADER = '''"""Classes of characters as Hugging Face's tokenizers has them, in hexadecimal ranges.

Written by tests/golden/make_unicode_classes.py, which asked tokenizers {tokenizers} about every code point.
Not to be edited by hand.
"""

__all__ = [
    "BREAKING",
    "CONTROLS",
    "DIGITS",
    "EXTENDING",
    "LOWER_CASE",
    "MARKS",
    "NONSPACING_MARKS",
    "PREPENDED",
    "PUNCTUATION",
    "UNKNOWN_TO_NORMAL_FORMS",
    "WORD",
]
'''


def bert(**options: bool) -> Callable[[str], str]:
    """One part of the BERT normalizer."""
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    normalize: Callable[[str], str] = normalizers.BertNormalizer(**(off | options)).normalize_str
    return normalize


def gone(normalize: Callable[[str], str]) -> list[int]:
    """What it leaves nothing of."""
    return [ord(character) for character in CHARACTERS if normalize(f"a{character}") == "a"]


def pieces(split: Callable[[str], Collection[object]], before: str, after: str, count: int) -> list[int]:
    """What is cut into so many pieces with the text around it."""
    return [ord(each) for each in CHARACTERS if len(split(f"{before}{each}{after}")) == count]


def word_characters() -> list[int]:
    whole = pre_tokenizers.Whitespace().pre_tokenize_str
    return [ord(each) for each in CHARACTERS if [piece for piece, _ in whole(f"a{each}")] == [f"a{each}"]]


def unknown_to_normal_forms() -> list[int]:
    """Those that do not belong there, or would have one in this Python's version only.

    Others that no form changes are taken in where that makes two ranges one.
    """
    unknown = {ord(each) for each in CHARACTERS if _differs(each) or unicodedata.category(each) == "Cn"}
    for code in list(unknown):
        unknown.update(map(ord, _canonical_parts(chr(code))[1:]))
    free = {ord(each) for each in CHARACTERS if _is_free(each)}
    result: list[int] = []
    for code in sorted(unknown):
        between = range(result[-1] + 1, code) if result else range(0)
        if len(between) <= MOST_BETWEEN and free.issuperset(between):
            result += between
        result.append(code)
    return result


def _differs(character: str) -> bool:
    if any(
        form.normalize_str(character) != unicodedata.normalize(name, character)
        for name, form in FORMS.items()
    ):
        return True
    decompose = FORMS["NFD"].normalize_str
    return unicodedata.decomposition(character) == "" and any(
        decompose(text) != unicodedata.normalize("NFD", text)
        for text in (f"a\u0345{character}", f"a{character}\u0334")
    )


def _canonical_parts(character: str) -> str:
    return unicodedata.normalize("NFD", character)


def _is_free(character: str) -> bool:
    """Whether no form changes the character, orders it, or joins it to another."""
    return (
        unicodedata.combining(character) == 0
        and unicodedata.normalize("NFKD", character) == character
        and ord(character) not in _PARTS
    )


_PARTS = {ord(part) for each in CHARACTERS for part in _canonical_parts(each) if part != each}


def lower_case() -> str:
    """Runs of code points whose lower case is as far away: "41-5A+20", or every second: "100-12E/2+1"."""
    lower = normalizers.Lowercase().normalize_str
    shifts = [
        (ord(each), ord(low) - ord(each))
        for each in CHARACTERS
        if len(low := lower(each)) == 1 and low != each
    ]
    longer = [each for each in CHARACTERS if len(lower(each)) != 1]
    if longer != ["\u0130"]:
        raise SystemExit(f"these are longer in lower case: {longer}")
    return " ".join(_runs(shifts))


def _runs(shifts: Iterable[tuple[int, int]]) -> Iterable[str]:
    runs: list[list[int]] = []  # first, last, step, shift
    for code, shift in shifts:
        if (
            runs
            and runs[-1][3] == shift
            and code - runs[-1][1] in ((1, 2) if not runs[-1][2] else (runs[-1][2],))
        ):
            runs[-1][2] = code - runs[-1][1]
            runs[-1][1] = code
        else:
            runs.append([code, code, 0, shift])
    for first, last, step, shift in runs:
        span = f"{first:X}" if first == last else f"{first:X}-{last:X}"
        yield f"{span}{'/2' if step == 2 else ''}{'+' if shift > 0 else '-'}{abs(shift):X}"


def cluster_characters() -> dict[str, list[int]]:
    """Those that belong to what is before them, to what is after them, and those that stand alone.

    For the last, 4 bytes are too many: a cluster of more than 5 is not looked up.
    """
    first_bytes = bytes([*range(1, 0x80), *range(0xC2, 0xF5)])
    normalize = normalizers.Precompiled(charsmap_of(first_bytes)).normalize_str
    extending = [ord(each) for each in CHARACTERS if len(normalize(f"a{each}")) == 1]
    prepended = [ord(each) for each in CHARACTERS if len(normalize(f"{each}a")) == 1]
    breaking = [
        ord(each) for each in CHARACTERS if len(each.encode()) < 4 and len(normalize(f"{each}\u0301")) == 2
    ]
    return {"BREAKING": breaking, "EXTENDING": extending, "PREPENDED": prepended}


def charsmap_of(first_bytes: bytes) -> bytes:
    """A SentencePiece map from anything that begins with one of these bytes to "x", as a double array.

    The root's child for byte b lies at index b: it has label b and a leaf, whose value is 0, at its offset.
    """
    leaf_at = 0x200
    units = [0] * 0x300
    units[0] = 0x100 << 10  # the root's offset: children at 0x100 ^ b
    for byte in first_bytes:
        node = 0x100 ^ byte
        units[node] = ((node ^ leaf_at) << 10) | 1 << 8 | byte  # its leaf lies at node ^ offset
    units[leaf_at] = 1 << 31
    blob = b"".join(unit.to_bytes(4, "little") for unit in units)
    return len(blob).to_bytes(4, "little") + blob + b"x\0"


def table(name: str, ranges: str) -> str:
    lines = textwrap.fill(ranges, width=108, break_on_hyphens=False)
    return f'{name} = """\n{lines}\n"""\n'


def main() -> None:
    punctuation = pieces(pre_tokenizers.BertPreTokenizer().pre_tokenize_str, "a", "a", 3)
    classes = cluster_characters() | {
        "CONTROLS": gone(bert(clean_text=True)),
        "DIGITS": pieces(pre_tokenizers.Digits().pre_tokenize_str, "a", "", 2),
        "MARKS": gone(normalizers.StripAccents().normalize_str),
        "NONSPACING_MARKS": gone(bert(strip_accents=True)),
        "PUNCTUATION": punctuation,
        "UNKNOWN_TO_NORMAL_FORMS": unknown_to_normal_forms(),
        "WORD": word_characters(),
    }
    ranges = {name: as_ranges(members) for name, members in classes.items()} | {"LOWER_CASE": lower_case()}
    header = HEADER.format(tokenizers=version("tokenizers"))
    tables = [table(name, ranges[name]) for name in sorted(ranges)]
    TARGET.write_text("\n".join([header, *tables]), encoding="utf-8")


if __name__ == "__main__":
    main()
