"""Unicode's normal forms, with the place that every character of the result comes from.

The standard library has the forms, in the Unicode version of each Python. Characters that came with later
versions than the one that Hugging Face's tokenizers knows are left alone here as they are there, so ids are
the same on every Python. What was in that version does not change in later ones: Unicode promises it.

Source: Unicode Standard Annex 15; places as in the crate unicode-normalization-alignments.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal, TypeAlias

from hornbook.tokenizer.steps.aligned_text import Part, Step, origins_of
from hornbook.tokenizer.unicode.classes import UNKNOWN_TO_NORMAL_FORMS
from hornbook.tokenizer.unicode.regex_classes import one_of

__all__ = ["Form", "NormalForm"]

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]


class NormalForm:
    """Brings text to a normal form.

    Args:
        form: NFC, NFD, NFKC or NFKD.
    """

    def __init__(self, form: Form) -> None:
        self._form = form

    def __call__(self, part: Part) -> Part:
        """The part in the normal form."""
        text = part.text
        if text.isascii():
            return part
        return part.rewritten(self._normalized(text), origins_of(self._steps(text)))

    def _normalized(self, text: str) -> str:
        pieces = _unknown().split(text)
        if len(pieces) == 1:
            return unicodedata.normalize(self._form, text)
        known = (unicodedata.normalize(self._form, piece) for piece in pieces[::2])
        pieces[::2] = known
        return "".join(pieces)

    def _steps(self, text: str) -> Iterator[Step]:
        for number, piece in enumerate(_unknown().split(text)):
            if number % 2:
                yield piece, 0
                continue
            steps = _ordered(_decomposed(piece, "NFKD" if "K" in self._form else "NFD"))
            yield from _recomposed(steps) if self._form.endswith("C") else steps


@cache
def _unknown() -> re.Pattern[str]:
    return re.compile(f"({one_of(UNKNOWN_TO_NORMAL_FORMS)})")


def _decomposed(text: str, form: Literal["NFD", "NFKD"]) -> Iterator[Step]:
    for character in text:
        for place, piece in enumerate(unicodedata.normalize(form, character)):
            yield piece, int(place > 0)


def _ordered(steps: Iterator[Step]) -> list[Step]:
    """Marks that follow each other in the order of their combining classes."""
    ordered: list[Step] = []
    marks: list[Step] = []
    for step in steps:
        if _combining_class(step) == 0:
            ordered += sorted(marks, key=_combining_class)
            marks.clear()
            ordered.append(step)
        else:
            marks.append(step)
    return ordered + sorted(marks, key=_combining_class)


def _recomposed(steps: Sequence[Step]) -> list[Step]:
    """Joins each starter with what follows it, where both have a character in common that nothing blocks."""
    result: list[Step] = []
    starter: int | None = None
    last_class = 0
    for step in steps:
        this_class = _combining_class(step)
        is_blocked = starter is None or (last_class >= this_class and len(result) - 1 > starter)
        if starter is not None and not is_blocked:
            joined = unicodedata.normalize("NFC", result[starter][0] + step[0])
            if len(joined) == 1:
                result[starter] = joined, result[starter][1] + step[1] - 1
                continue
        if this_class == 0:
            starter = len(result)
        last_class = this_class
        result.append(step)
    return result


def _combining_class(step: Step) -> int:
    return unicodedata.combining(step[0])
