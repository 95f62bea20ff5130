"""Checks of arguments, and values shortened for messages."""

import reprlib
from collections.abc import Iterable, Sequence
from operator import index as as_index
from typing import Any, SupportsIndex

from hornbook.errors import TokenizerError

__all__ = ["brief", "checked_ids", "checked_text", "checked_texts", "described_tokens", "well_formed"]

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 50
_brief.maxlist = _brief.maxdict = 3
_brief.maxlevel = 2


def brief(value: Any) -> str:
    """A value as one short line, for a message."""
    return _brief.repr(value)


def described_tokens(tokens: Sequence[str]) -> str:
    """Some tokens as one short line: the first five, and how many more there are."""
    shown = ", ".join(map(brief, tokens[:5]))
    more = f", and {len(tokens) - 5} more" if len(tokens) > 5 else ""
    return f"[{shown}{more}]"


def checked_text(operation: str, text: str) -> str:
    """Returns `text` if it is a str.

    Raises:
        TypeError: not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"{operation}: text must be str, got {type(text).__name__}")
    return text


def checked_texts(operation: str, texts: Iterable[str]) -> list[str]:
    """Returns `texts` as a list if each is a str.

    Raises:
        TypeError: `texts` is a single str, or an item is not a str.
    """
    if isinstance(texts, str):
        raise TypeError(f"{operation}: texts must be a list of str, got one str; put it into a list")
    known = list(texts)
    for index, text in enumerate(known):
        if not isinstance(text, str):
            raise TypeError(f"{operation}: texts[{index}] must be str, got {type(text).__name__}")
    return known


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair; a whole pair becomes its character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def checked_ids(operation: str, ids: Iterable[SupportsIndex], vocab_size: int) -> list[int]:
    """Returns `ids`, an integer sequence or array of any kind, as a list of int.

    Raises:
        TypeError: `ids` is not a flat sequence of integers.
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
