"""Arguments that are looked at before they are believed, and values cut short for messages."""

import reprlib
from collections.abc import Iterable
from operator import index
from typing import Any, SupportsIndex

from hornbook.errors import TokenizerError

__all__ = ["brief", "checked_ids", "checked_text"]

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 50
_brief.maxlist = _brief.maxdict = 3
_brief.maxlevel = 2


def brief(value: Any) -> str:
    """A value as one short line, for a message."""
    return _brief.repr(value)


def checked_text(operation: str, text: str) -> str:
    """Returns `text` if it is text that UTF-8 can hold.

    Raises:
        TypeError: not a str.
        TokenizerError: half of a surrogate pair, which stands for no character.
    """
    if not isinstance(text, str):
        raise TypeError(f"{operation}: text must be str, got {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        code = ord(text[problem.start])
        raise TokenizerError(
            f"{operation}: text has a lone surrogate U+{code:04X} at position {problem.start}; "
            "was it decoded with errors='surrogateescape'?"
        ) from None
    return text


def checked_ids(operation: str, ids: Iterable[SupportsIndex], vocab_size: int) -> list[int]:
    """Returns `ids`, of any integer sequence or NumPy array, as a list of int.

    Raises:
        TypeError: not a sequence of integers.
        TokenizerError: an id is outside of 0 to `vocab_size - 1`.
    """
    try:
        values = list(map(index, ids))
    except TypeError as problem:
        raise TypeError(f"{operation}: ids must be a flat sequence of integers: {problem}") from None
    for position, value in enumerate(values):
        if not 0 <= value < vocab_size:
            raise TokenizerError(
                f"{operation}: id {value} at position {position} is outside of 0 to {vocab_size - 1}; "
                "do tokenizer and model belong together?"
            )
    return values
