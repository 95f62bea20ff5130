"""Unicode's normal forms, with the index of the character that each character of the result comes from.

The standard library has the forms, in the Unicode version of each Python. Characters of later versions than
the one that Hugging Face's tokenizers knows are left unchanged, as they are there, so ids are the same on
every Python. The forms of older characters never change: Unicode guarantees it.

Source: Unicode Standard Annex 15; alignment as in the crate unicode-normalization-alignments.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal, TypeAlias

from hornbook.tokenizer.steps.aligned_text import AlignedText, Edit, origins_of_edits
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

    def __call__(self, aligned: AlignedText) -> AlignedText:
        """The text in the normal form."""
        text = aligned.text
        if text.isascii():
            return aligned
        return aligned.rewritten(self._normalized(text), origins_of_edits(self._edits(text)))

    def _normalized(self, text: str) -> str:
        pieces = _unknown().split(text)
        if len(pieces) == 1:
            return unicodedata.normalize(self._form, text)
        known = (unicodedata.normalize(self._form, piece) for piece in pieces[::2])
        pieces[::2] = known
        return "".join(pieces)

    def _edits(self, text: str) -> Iterator[Edit]:
        for number, piece in enumerate(_unknown().split(text)):
            if number % 2:
                yield piece, 0
                continue
            edits = _ordered(_decomposed(piece, "NFKD" if "K" in self._form else "NFD"))
            yield from _recomposed(edits) if self._form.endswith("C") else edits


@cache
def _unknown() -> re.Pattern[str]:
    return re.compile(f"({one_of(UNKNOWN_TO_NORMAL_FORMS)})")


def _decomposed(text: str, form: Literal["NFD", "NFKD"]) -> Iterator[Edit]:
    for character in text:
        for index, piece in enumerate(unicodedata.normalize(form, character)):
            yield piece, int(index > 0)


def _ordered(edits: Iterator[Edit]) -> list[Edit]:
    """Sorts each run of marks by combining class; marks of one class keep their order."""
    ordered: list[Edit] = []
    marks: list[Edit] = []
    for edit in edits:
        if _combining_class(edit) == 0:
            ordered += sorted(marks, key=_combining_class)
            marks.clear()
            ordered.append(edit)
        else:
            marks.append(edit)
    return ordered + sorted(marks, key=_combining_class)


def _recomposed(edits: Sequence[Edit]) -> list[Edit]:
    """Composes each starter with a later character if the pair has a composition and nothing blocks it."""
    result: list[Edit] = []
    starter: int | None = None
    last_class = 0
    for edit in edits:
        this_class = _combining_class(edit)
        is_blocked = starter is None or (last_class >= this_class and len(result) - 1 > starter)
        if starter is not None and not is_blocked:
            joined = unicodedata.normalize("NFC", result[starter][0] + edit[0])
            if len(joined) == 1:
                result[starter] = joined, result[starter][1] + edit[1] - 1
                continue
        if this_class == 0:
            starter = len(result)
        last_class = this_class
        result.append(edit)
    return result


def _combining_class(edit: Edit) -> int:
    return unicodedata.combining(edit[0])
