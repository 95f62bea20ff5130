"""WordPiece: the longest token that a word begins with, then the longest that continues it, and so on.

Source: Wu et al., "Google's Neural Machine Translation System" (2016), section 4.1; as in BERT.
"""

from collections.abc import Mapping

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.spans import Span

__all__ = ["WordPiece"]


class WordPiece:
    """Divides words into the tokens of a vocabulary.

    Args:
        tokens: tokens to ids.
        unknown_id: the id of a word that cannot be divided; None if the vocabulary has no unknown token.
        prefix: marks tokens that continue a word.
        most_characters: longer words are unknown.

    Example:
        >>> WordPiece({"low": 1, "##er": 2}, unknown_id=0)("lower")
        [(1, 0, 3), (2, 3, 5)]
    """

    def __init__(
        self,
        tokens: Mapping[str, int],
        unknown_id: int | None,
        *,
        prefix: str = "##",
        most_characters: int = 100,
    ) -> None:
        self._first = dict(tokens)
        self._next = {
            token.removeprefix(prefix): token_id
            for token, token_id in tokens.items()
            if token.startswith(prefix) and token != prefix
        }
        self._longest = max(map(len, tokens), default=0)
        self._unknown_id = unknown_id
        self._most_characters = most_characters

    def __call__(self, word: str) -> list[Span]:
        """The tokens of a word and their spans in it.

        Raises:
            TokenizerError: the word cannot be divided, and the vocabulary has no unknown token.
        """
        size = len(word)
        if size > self._most_characters:
            return self._unknown(word)
        spans: list[Span] = []
        start = 0
        while start < size:
            tokens = self._next if start else self._first
            for stop in range(min(size, start + self._longest), start, -1):
                token_id = tokens.get(word[start:stop])
                if token_id is not None:
                    spans.append((token_id, start, stop))
                    break
            else:
                return self._unknown(word)
            start = stop
        return spans

    def _unknown(self, word: str) -> list[Span]:
        if self._unknown_id is None:
            raise TokenizerError(
                f"encode: {brief(word)} cannot be divided into tokens, and the unknown token is not in the "
                "vocabulary"
            )
        return [(self._unknown_id, 0, len(word))]
