"""The model of byte-level tokenizers: words are cut, and the bytes of each are merged."""

from collections.abc import Sequence

from hornbook.tokenizer.models.byte_bpe import BytePairs
from hornbook.tokenizer.models.word_model import Ids, Span

__all__ = ["ByteLevelModel"]


class ByteLevelModel:
    """Byte pairs, with the characters that they stand for.

    Args:
        byte_pairs: turns texts into ids.
        pieces: the bytes of each id.
    """

    def __init__(self, byte_pairs: BytePairs, pieces: Sequence[bytes]) -> None:
        self.encode_batch = byte_pairs.encode_batch
        self._pieces = pieces

    def spans(self, word: str) -> list[Span]:
        """The tokens of a text; one that holds a part of a character has the place of the whole."""
        owners = [place for place, character in enumerate(word) for _ in character.encode()]
        spans: list[Span] = []
        done = 0
        ids: Ids = self.encode_batch([word])[0]
        for token_id in ids.tolist():
            stop = done + len(self._pieces[token_id])
            spans.append((token_id, owners[done], owners[stop - 1] + 1))
            done = stop
        return spans
