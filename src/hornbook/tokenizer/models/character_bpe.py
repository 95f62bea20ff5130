"""Byte pair encoding of characters: that of the first GPT, SentencePiece's, and byte alphabets with gaps.

Source: the model BPE of Hugging Face's tokenizers, whose details this has: spans follow from the lengths of
the tokens in bytes, so a dropped character shifts the spans after it, and an unknown token that waits to be
fused with the next one comes after the bytes between them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.models.bpe_merging import MergeTable, merge, merge_with_positions
from hornbook.tokenizer.spans import Span

__all__ = ["CharacterBPE"]


@dataclass(frozen=True)
class CharacterBPE:
    """Merges the characters of words.

    Attributes:
        tokens: tokens to ids, without those that text must not become.
        table: the merges.
        unknown: the token of a character that is not a token; None if such characters are dropped.
        unknown_id: its id; None if it is not in the vocabulary, which is an error once it is needed.
        fuse_unknown: whether a run of unknown characters is a single token.
        byte_ids: the ids of bytes, which stand for an unknown character if all of its bytes are there.
        prefix: marks characters that continue a word.
        suffix: marks the last character of a word.
        ignores_merges: whether a word that is a token is that token, whatever the merges make of it.
    """

    tokens: Mapping[str, int]
    table: MergeTable
    unknown: str | None = None
    unknown_id: int | None = None
    fuse_unknown: bool = False
    byte_ids: Mapping[int, int] | None = None
    prefix: str = ""
    suffix: str = ""
    ignores_merges: bool = False

    def __call__(self, word: str) -> list[Span]:
        """The tokens of a word and their spans in it.

        Raises:
            TokenizerError: a character is unknown, and the unknown token is not in the vocabulary.
        """
        if self.ignores_merges and word in self.tokens:
            return [(self.tokens[word], 0, len(word))]
        symbols = list(self._symbols(word))
        merged = merge_with_positions([token_id for token_id, _ in symbols], self.table)
        ends = [0]
        for _, n_bytes in symbols:
            ends.append(ends[-1] + n_bytes)
        firsts = [index for _, index in merged] + [len(symbols)]
        owners = [index for index, character in enumerate(word) for _ in character.encode()]
        last = len(owners) - 1
        return [
            (token_id, owners[min(ends[first], last)], owners[min(ends[following] - 1, last)] + 1)
            for (token_id, first), following in zip(merged, firsts[1:], strict=True)
        ]

    def ids(self, word: str) -> list[int]:
        """The tokens of a word; raises as a call does."""
        if self.ignores_merges and word in self.tokens:
            return [self.tokens[word]]
        return merge([token_id for token_id, _ in self._symbols(word)], self.table)

    def _symbols(self, word: str) -> Iterator[tuple[int, int]]:
        """The tokens of single characters, before any merge, and their lengths in bytes."""
        waiting = 0  # bytes of unknown characters
        for index, character in enumerate(word):
            spelled = (self.prefix if index else "") + character
            spelled += self.suffix if index == len(word) - 1 else ""
            n_bytes = 1 if character < "\x80" else len(character.encode())
            token_id = self.tokens.get(spelled)
            if token_id is not None:
                if waiting:
                    yield self._checked_unknown(word), waiting
                    waiting = 0
                yield token_id, n_bytes
            elif (byte_ids := self._bytes_of(spelled)) is not None:
                yield from ((byte_id, 1) for byte_id in byte_ids)
            elif self.unknown is not None:
                if waiting and not self.fuse_unknown:
                    yield self._checked_unknown(word), waiting
                    waiting = 0
                waiting += n_bytes
        if waiting:
            yield self._checked_unknown(word), waiting

    def _bytes_of(self, spelled: str) -> list[int] | None:
        """The ids of the bytes of a character; None if one is missing."""
        if self.byte_ids is None:
            return None
        data = spelled.encode()
        return [self.byte_ids[byte] for byte in data] if self.byte_ids.keys() >= set(data) else None

    def _checked_unknown(self, word: str) -> int:
        if self.unknown_id is None:
            raise TokenizerError(
                f"encode: {brief(word)} has an unknown character, but the unknown token, "
                f"{brief(self.unknown)}, is not in the vocabulary"
            )
        return self.unknown_id
