"""WordLevel: every word is a token, or unknown."""

from collections.abc import Mapping
from dataclasses import dataclass

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.spans import Span

__all__ = ["WordLevel"]


@dataclass(frozen=True)
class WordLevel:
    """Looks words up.

    Attributes:
        tokens: tokens to ids.
        unknown_id: the id of other words; None if the vocabulary has no unknown token.
    """

    tokens: Mapping[str, int]
    unknown_id: int | None

    def __call__(self, word: str) -> list[Span]:
        """The token of a word.

        Raises:
            TokenizerError: the word is unknown, and the vocabulary has no unknown token.
        """
        token_id = self.tokens.get(word, self.unknown_id)
        if token_id is None:
            raise TokenizerError(
                f"encode: {brief(word)} is not a token, and the unknown token is not in the vocabulary"
            )
        return [(token_id, 0, len(word))]
