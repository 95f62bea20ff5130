"""From tokens to a vocabulary: checks of special tokens and of the size, and the ids."""

import re
from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief, checked_text, well_formed

__all__ = ["check_room", "checked_count", "checked_special_tokens", "number_tokens"]


def checked_special_tokens(tokens: Sequence[str]) -> list[str]:
    """Returns `tokens` if they can be distinguished from ordinary text.

    Raises:
        TypeError: a token is not a str, or `tokens` is a single one.
        TokenizerError: a token is empty, has white space or a lone surrogate, or is given twice.
    """
    if isinstance(tokens, str):
        raise TypeError("train: special_tokens must be a list of str, got a single str")
    for token in tokens:
        if not checked_text("train: special_tokens", token) or re.search(r"\s", token):
            raise TokenizerError(
                f"train: special token {brief(token)} must have characters, none of them white space"
            )
        if well_formed(token) != token:
            raise TokenizerError(f"train: special token {brief(token)} has a lone surrogate")
    if len(set(tokens)) < len(tokens):
        raise TokenizerError(f"train: special_tokens has a token twice: {brief(list(tokens))}")
    return list(tokens)


def checked_count(name: str, value: SupportsIndex, least: int) -> int:
    """Returns `value` as an int.

    Raises:
        TypeError: it is not an integer.
        TokenizerError: it is less than `least`.
    """
    try:
        count = index(value)
    except TypeError:
        raise TypeError(f"train: {name} must be an integer, got {brief(value)}") from None
    if count < least:
        raise TokenizerError(f"train: {name} must be at least {least}, got {count}")
    return count


def check_room(vocab_size: int, special_tokens: Sequence[str], n_symbols: int, symbols: str) -> None:
    """Refuses a vocabulary that would be full before anything is learned.

    Raises:
        TokenizerError: `vocab_size` is too small.
    """
    needed = len(special_tokens) + n_symbols
    if vocab_size < needed:
        raise TokenizerError(
            f"train: vocab_size must be at least {needed}, for {len(special_tokens)} special tokens and "
            f"{n_symbols} {symbols}; got {vocab_size}"
        )


def number_tokens(special_tokens: Sequence[str], others: Sequence[str]) -> dict[str, int]:
    """Ids from 0 on, the special tokens first; equal tokens get one id.

    Raises:
        TokenizerError: a special token has the spelling of another token.
    """
    if clash := set(others).intersection(special_tokens):
        raise TokenizerError(
            f"train: special token {brief(min(clash))} is also an ordinary token of these texts; "
            "choose a spelling that occurs in no text, such as <|name|> or [NAME]"
        )
    return {token: token_id for token_id, token in enumerate(dict.fromkeys([*special_tokens, *others]))}
