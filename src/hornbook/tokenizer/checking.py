"""Arguments that are looked at before they are believed, and values cut short for messages."""

import reprlib
from collections.abc import Iterable, Sequence
from operator import index as as_index
from typing import Any, SupportsIndex

from hornbook.errors import TokenizerError

__all__ = ["brief", "checked_ids", "checked_text", "checked_texts", "well_formed"]

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 50
_brief.maxlist = _brief.maxdict = 3
_brief.maxlevel = 2


def brief(value: Any) -> str:
    """A value as one short line, for a message."""
    return _brief.repr(value)


def checked_text(operation: str, text: str) -> str:
    """Returns `text` if it is one.

    Raises:
        TypeError: not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"{operation}: text must be str, got {type(text).__name__}")
    return text


def checked_texts(operation: str, texts: Sequence[str]) -> list[str]:
    """Returns `texts` as a list if they are a sequence of texts.

    Raises:
        TypeError: a single str, or something else than str among them.
    """
    if isinstance(texts, str):
        raise TypeError(f"{operation}: texts must be a list of str, got one str; put it into a list")
    known = list(texts)
    for index, text in enumerate(known):
        if not isinstance(text, str):
            raise TypeError(f"{operation}: texts[{index}] must be str, got {type(text).__name__}")
    return known


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair; two halves that fit are their character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def checked_ids(operation: str, ids: Iterable[SupportsIndex], vocab_size: int) -> list[int]:
    """Returns `ids`, of any integer sequence or NumPy array, as a list of int.

    Raises:
        TypeError: not a sequence of integers.
        TokenizerError: an id is outside of 0 to `vocab_size - 1`.
    """
    try:
        values = list(map(as_index, ids))
    except TypeError as problem:
        raise TypeError(f"{operation}: ids must be a flat sequence of integers: {problem}") from None
    for position, value in enumerate(values):
        if not 0 <= value < vocab_size:
            raise TokenizerError(
                f"{operation}: id {value} at position {position} is outside of 0 to {vocab_size - 1}; "
                "do tokenizer and model belong together?"
            )
    return values
