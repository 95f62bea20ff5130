"""Which spellings of special tokens a text may hold: the rules of `allowed_special` and `disallowed_special`.

Whoever writes `<|endoftext|>` in a text gets eleven ordinary characters, unless the caller allows more: so no
text from outside can end a document.

Source: `Encoding.encode` of tiktoken, whose arguments these are; there, all special tokens are disallowed
unless something else is said.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief

__all__ = ["Section", "SpecialTokens", "Specials"]

Specials: TypeAlias = Collection[str] | Literal["all"]
"""Special tokens by their spelling, or all of them."""

Section: TypeAlias = tuple[int | None, int, int]
"""Id, start and stop of a token in a text; id None for the ordinary text between tokens."""


class SpecialTokens:
    """Finds special and added tokens in text.

    Args:
        special: tokens that are looked for only where the caller allows them, to their ids.
        added: tokens that are always looked for, to their ids.
    """

    def __init__(self, special: Mapping[str, int], added: Mapping[str, int]) -> None:
        self._special = dict(special)
        self._added = dict(added)
        self._patterns: dict[frozenset[str], re.Pattern[str] | None] = {}

    def sections(
        self, operation: str, text: str, allowed: Specials, disallowed: Specials
    ) -> Iterator[Section] | None:
        """The text in sections, None if it is ordinary text as a whole.

        Raises:
            TokenizerError: a name is no special token, or a disallowed one is in the text.
        """
        wanted = self._named(operation, "allowed_special", allowed)
        refused = self._named(operation, "disallowed_special", disallowed) - wanted
        if refused and (found := self._pattern(refused).search(text)):
            raise TokenizerError(
                f"{operation}: text has the special token {found.group()!r} at position {found.start()}; "
                "pass it in allowed_special to take it for the token, or leave it out of disallowed_special "
                "to take it for ordinary text"
            )
        looked_for = wanted.union(self._added)
        return self._found(text, self._pattern(looked_for)) if looked_for else None

    def _found(self, text: str, pattern: re.Pattern[str]) -> Iterator[Section]:
        done = 0
        for found in pattern.finditer(text):
            start, stop = found.span()
            if done < start:
                yield None, done, start
            token = found.group()
            yield self._special.get(token, self._added.get(token)), start, stop
            done = stop
        if done < len(text):
            yield None, done, len(text)

    def _named(self, operation: str, argument: str, names: Specials) -> frozenset[str]:
        if names == "all":
            return frozenset(self._special)
        if isinstance(names, str):
            raise TokenizerError(
                f"{operation}: {argument} must be 'all' or a set of tokens, got {brief(names)}"
            )
        for name in names:
            if name not in self._special:
                known = ", ".join(map(repr, self._special)) or "none"
                raise TokenizerError(
                    f"{operation}: {argument}: {brief(name)} is no special token; there are {known}"
                )
        return frozenset(names)

    def _pattern(self, tokens: frozenset[str]) -> re.Pattern[str]:
        """Finds any of the tokens, the longest of those that begin earliest."""
        pattern = self._patterns.get(tokens)
        if pattern is None:
            longest_first = sorted(tokens, key=len, reverse=True)
            pattern = self._patterns[tokens] = re.compile("|".join(map(re.escape, longest_first)))
        return pattern
