"""Byte pair encoding of characters instead of bytes: that of the first GPT, and SentencePiece's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hornbook.tokenizer.models.bpe_merging import MergeTable, merge_with_positions
from hornbook.tokenizer.spans import Span

__all__ = ["CharacterBPE"]


@dataclass(frozen=True)
class CharacterBPE:
    """Merges the characters of words.

    Attributes:
        tokens: tokens to ids.
        table: the merges.
        unknown_id: the id of a character that is not a token; None if such characters are dropped.
        fuse_unknown: whether a run of unknown characters is a single token.
        byte_ids: the ids of the 256 bytes, which then stand for unknown characters.
        prefix: marks characters that continue a word.
        suffix: marks the last character of a word.
    """

    tokens: Mapping[str, int]
    table: MergeTable
    unknown_id: int | None = None
    fuse_unknown: bool = False
    byte_ids: Sequence[int] | None = None
    prefix: str = ""
    suffix: str = ""

    def __call__(self, word: str) -> list[Span]:
        """The tokens of a word and their spans in it."""
        symbols = self._symbols(word)
        if not symbols:
            return []
        merged = merge_with_positions([token_id for token_id, *_ in symbols], self.table)
        ends = [index - 1 for _, index in merged[1:]] + [len(symbols) - 1]
        return [
            (token_id, symbols[first][1], symbols[last][2])
            for (token_id, first), last in zip(merged, ends, strict=True)
        ]

    def _symbols(self, word: str) -> list[Span]:
        """The tokens of single characters, before any merge."""
        symbols: list[Span] = []
        unknown_before = False
        for index, character in enumerate(word):
            spelled = (self.prefix if index else "") + character
            spelled += self.suffix if index == len(word) - 1 else ""
            token_id = self.tokens.get(spelled)
            is_unknown = token_id is None and self.byte_ids is None
            if token_id is not None:
                symbols.append((token_id, index, index + 1))
            elif self.byte_ids is not None:
                symbols += [(self.byte_ids[byte], index, index + 1) for byte in spelled.encode()]
            elif unknown_before and self.fuse_unknown and symbols:
                symbols[-1] = symbols[-1][0], symbols[-1][1], index + 1
            elif self.unknown_id is not None:
                symbols.append((self.unknown_id, index, index + 1))
            unknown_before = is_unknown
        return symbols
