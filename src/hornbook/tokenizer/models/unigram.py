"""Unigram: of all ways to divide a word into tokens, the one of the greatest probability.

Source: Kudo, "Subword Regularization" (2018), section 3.2; details, such as the fusing of unknown
characters, as in Hugging Face's tokenizers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from hornbook.errors import TokenizerError
from hornbook.tokenizer.spans import Span

__all__ = ["Unigram"]

UNKNOWN_PENALTY = 10.0
"""How much less likely than the least likely token an unknown character is, as a logarithm."""


UNKNOWN = -1


@dataclass(slots=True)
class Best:
    """The best way to divide the beginning of a word."""

    score: float
    start: int  # of its last token
    token_id: int  # or UNKNOWN


class Unigram:
    """Divides words into the tokens of a vocabulary.

    Args:
        scores: tokens to their logarithmic probabilities, without those that text must not become.
        ids: tokens to their ids.
        unknown_id: the id of characters that no token has; None if they are an error.
        least_score: the least score of all tokens.
        byte_ids: the ids of bytes, which stand for unknown characters if all of their bytes are there.

    Example:
        >>> scores = {"a": -2.0, "b": -2.0, "ab": -3.0}
        >>> Unigram(scores, {"a": 1, "b": 2, "ab": 3}, unknown_id=0, least_score=-3.0)("aba")
        [(3, 0, 2), (1, 2, 3)]
    """

    def __init__(
        self,
        scores: Mapping[str, float],
        ids: Mapping[str, int],
        *,
        unknown_id: int | None,
        least_score: float,
        byte_ids: Mapping[int, int] | None = None,
    ) -> None:
        self._tokens = {token: (score, ids[token]) for token, score in scores.items()}
        self._lengths: dict[str, int] = {}  # of the longest token that begins with a character
        for token in filter(None, scores):
            self._lengths[token[0]] = max(self._lengths.get(token[0], 1), len(token))
        self._unknown_id = unknown_id
        self._unknown_score = least_score - UNKNOWN_PENALTY
        self._byte_ids = byte_ids or {}

    def __call__(self, word: str) -> list[Span]:
        """The tokens of a word and their spans in it.

        Raises:
            TokenizerError: a character is in no token, and the file has no unknown token.
        """
        spans: list[Span] = []
        for start, stop in pairwise(self._cuts(word)):
            known = self._tokens.get(word[start:stop])
            if known is not None:
                spans.append((known[1], start, stop))
            elif (
                (data := word[start:stop].encode()) and self._byte_ids and self._byte_ids.keys() >= set(data)
            ):
                spans += [(self._byte_ids[byte], start, stop) for byte in data]
            else:
                spans.append((self._checked_unknown(word[start:stop]), start, stop))
        return spans

    def _checked_unknown(self, text: str) -> int:
        if self._unknown_id is None:
            raise TokenizerError(
                f"encode: no token has the character {text[0]!r}, and the file has no unknown token (unk_id)"
            )
        return self._unknown_id

    def _cuts(self, word: str) -> list[int]:
        """Where tokens begin and the last one ends; a run of unknown characters is one token."""
        best = self._best_ways(word)
        cuts = [len(word)]
        last_unknown = False
        while cuts[-1] > 0:
            way = best[cuts[-1]]
            is_unknown = way.token_id in (UNKNOWN, self._unknown_id)
            if is_unknown and last_unknown:
                cuts[-1] = way.start
            else:
                cuts.append(way.start)
            last_unknown = is_unknown
        return cuts[::-1]

    def _best_ways(self, word: str) -> list[Best]:
        """The best way to each index, from left to right."""
        size = len(word)
        best = [Best(float("-inf"), -1, -1) for _ in range(size + 1)]
        best[0].score = 0.0
        tokens, lengths = self._tokens, self._lengths
        for start in range(size):
            here = best[start].score
            known = False
            for stop in range(start + 1, min(size, start + lengths.get(word[start], 0)) + 1):
                found = tokens.get(word[start:stop])
                if found is None:
                    continue
                known |= stop == start + 1
                way = best[stop]
                if way.start < 0 or found[0] + here > way.score:
                    way.score, way.start, way.token_id = found[0] + here, start, found[1]
            if not known:
                way = best[start + 1]
                if way.start < 0 or self._unknown_score + here > way.score:
                    way.score, way.start, way.token_id = self._unknown_score + here, start, UNKNOWN
        return best
