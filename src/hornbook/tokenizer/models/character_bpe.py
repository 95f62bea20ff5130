"""Byte pair encoding whose merges begin with characters, not bytes: GPT's first, and SentencePiece's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hornbook.tokenizer.models.bpe_merging import MergeTable, merge_places
from hornbook.tokenizer.models.word_model import Span

__all__ = ["CharacterPairs"]


@dataclass(frozen=True)
class CharacterPairs:
    """Merges the characters of words.

    Attributes:
        tokens: tokens to ids.
        table: which pairs of ids merge.
        unknown_id: what a character becomes that is no token; None if it is left out.
        fuse_unknown: whether unknown characters that follow each other are one.
        byte_ids: the ids of the 256 bytes, which then stand for unknown characters.
        prefix: what is written before characters that go on with a word.
        suffix: what is written behind the last character of a word.
    """

    tokens: Mapping[str, int]
    table: MergeTable
    unknown_id: int | None = None
    fuse_unknown: bool = False
    byte_ids: Sequence[int] | None = None
    prefix: str = ""
    suffix: str = ""

    def __call__(self, word: str) -> list[Span]:
        """The tokens of a word and their places in it."""
        symbols = self._symbols(word)
        if not symbols:
            return []
        merged = merge_places([token_id for token_id, *_ in symbols], self.table)
        ends = [place - 1 for _, place in merged[1:]] + [len(symbols) - 1]
        return [
            (token_id, symbols[place][1], symbols[end][2])
            for (token_id, place), end in zip(merged, ends, strict=True)
        ]

    def _symbols(self, word: str) -> list[Span]:
        """The tokens of single characters."""
        symbols: list[Span] = []
        unknown_before = False
        for place, character in enumerate(word):
            spelled = (self.prefix if place else "") + character
            spelled += self.suffix if place == len(word) - 1 else ""
            token_id = self.tokens.get(spelled)
            is_unknown = token_id is None and self.byte_ids is None
            if token_id is not None:
                symbols.append((token_id, place, place + 1))
            elif self.byte_ids is not None:
                symbols += [(self.byte_ids[byte], place, place + 1) for byte in spelled.encode()]
            elif unknown_before and self.fuse_unknown and symbols:
                symbols[-1] = symbols[-1][0], symbols[-1][1], place + 1
            elif self.unknown_id is not None:
                symbols.append((self.unknown_id, place, place + 1))
            unknown_before = is_unknown
        return symbols
