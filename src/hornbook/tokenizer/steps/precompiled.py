"""SentencePiece's normalization: a table from short texts to others, looked up in a double array of bytes.

The table is a trie whose nodes are 32-bit units. The child for byte b is at the parent's offset, exclusive-or
b, and has the label b; a leaf, with the index of the replacement, is at the offset itself.

Source: Yata et al., "A compact static double-array keeping character codes" (2007); the crate
spm_precompiled, which looks up whole
clusters of characters first and takes the shortest entry, as does this.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.tokenizer.steps.aligned_text import AlignedText, Edit, origins_of_edits
from hornbook.tokenizer.steps.character_map import CharacterMap
from hornbook.tokenizer.unicode.classes import BREAKING, EXTENDING, PREPENDED
from hornbook.tokenizer.unicode.regex_classes import class_body, one_of

__all__ = ["Precompiled"]

MOST_CLUSTER_BYTES = 5
HAS_LEAF, WIDE_OFFSET = 1 << 8, 1 << 9
LABEL, VALUE = 1 << 31 | 0xFF, (1 << 31) - 1

LEADING, VOWELS, TRAILING = "1100-115F A960-A97C", "1160-11A7 D7B0-D7C6", "11A8-11FF D7CB-D7FB"
OPEN_SYLLABLES = " ".join(f"{code:X}" for code in range(0xAC00, 0xD7A4, 28))


class Precompiled:
    """Replaces the texts that the table has.

    Args:
        table: the size of the trie in bytes, the trie, and replacements that end with a zero byte.
        path: the file, and the keys that lead to the table, for messages.

    Raises:
        TokenizerError: the table is damaged.
    """

    def __init__(self, table: bytes, path: str) -> None:
        size = int.from_bytes(table[:4], "little")
        if len(table) < 4 or size % 4 or size == 0 or size > len(table) - 4:
            raise TokenizerError(
                f"{path}: precompiled_charsmap: the first 4 bytes say that the trie has {size}, expected a "
                f"multiple of 4 and at most {max(0, len(table) - 4)}"
            )
        self._units = np.frombuffer(table, "<u4", size // 4, 4).tolist()
        self._replacements = table[4 + size :]
        self._characters = CharacterMap(self._character)
        self._clusters: dict[str, str | None] = {}

    @classmethod
    def from_base64(cls, text: str, path: str) -> "Precompiled":
        """Decodes the table of a file.

        Raises:
            TokenizerError: it is not base64, or it is damaged.
        """
        try:
            return cls(base64.b64decode(text, validate=True), path)
        except (binascii.Error, ValueError) as problem:
            raise TokenizerError(f"{path}: precompiled_charsmap is not base64: {problem}") from None

    def __call__(self, aligned: AlignedText) -> AlignedText:
        """The text with all replacements made."""
        return aligned.rewritten(self._replaced(aligned.text), self._origins(aligned.text))

    def _replaced(self, text: str) -> str:
        if text.isascii() and "\r\n" not in text:
            return text.translate(self._characters)
        pieces: list[str] = []
        done = 0
        for found in _clusters().finditer(text):
            pieces += (text[done : found.start()].translate(self._characters), self._cluster(found.group()))
            done = found.end()
        return "".join([*pieces, text[done:].translate(self._characters)])

    def _cluster(self, cluster: str) -> str:
        whole = self._whole(cluster)
        return cluster.translate(self._characters) if whole is None else whole

    def _whole(self, cluster: str) -> str | None:
        if len(cluster) > MOST_CLUSTER_BYTES:
            return None
        if cluster not in self._clusters:
            key = cluster.encode()
            self._clusters[cluster] = self._look_up(key) if len(key) <= MOST_CLUSTER_BYTES else None
        return self._clusters[cluster]

    def _character(self, character: str) -> str:
        found = self._look_up(character.encode())
        return character if found is None else found

    def _look_up(self, key: bytes) -> str | None:
        """The replacement of the shortest prefix of `key` that the table has."""
        units = self._units
        node = _offset(units[0])
        for byte in key:
            node ^= byte
            if byte == 0 or node >= len(units) or units[node] & LABEL != byte:
                return None
            unit = units[node]
            node ^= _offset(unit)
            if unit & HAS_LEAF:
                return self._replacement(units[node] & VALUE) if node < len(units) else None
        return None

    def _replacement(self, start: int) -> str:
        end = self._replacements.find(0, start)
        return self._replacements[start : end if end >= 0 else None].decode("utf-8", "replace")

    def _origins(self, text: str) -> Iterator[int]:
        yield from origins_of_edits(self._edits(text))

    def _edits(self, text: str) -> list[Edit]:
        edits: list[Edit] = []
        done = 0
        for found in _clusters().finditer(text):
            self._add_characters(edits, text[done : found.start()])
            whole = self._whole(found.group())
            if whole is None:
                self._add_characters(edits, found.group())
            else:
                _add_replacement(edits, found.group(), whole)
            done = found.end()
        self._add_characters(edits, text[done:])
        return edits

    def _add_characters(self, edits: list[Edit], text: str) -> None:
        for character in text:
            _add_replacement(edits, character, self._characters[ord(character)])


def _offset(unit: int) -> int:
    return unit >> 10 << ((unit & WIDE_OFFSET) >> 6)


def _add_replacement(edits: list[Edit], old: str, new: str) -> None:
    """Surplus new characters are inserted at the end; surplus old ones go with the last character."""
    longer = len(new) - len(old)
    edits += [(character, int(index >= len(old))) for index, character in enumerate(new)]
    if longer < 0 and edits:
        character, change = edits[-1]
        edits[-1] = character, change + longer


@cache
def _clusters() -> re.Pattern[str]:
    """Grapheme clusters: the characters that a reader takes for one letter.

    Flags and joined emoji are left out, as they are longer than the clusters that are looked up.
    """
    hangul = (
        f"[{class_body(LEADING)}]*(?:[{class_body(OPEN_SYLLABLES)}][{class_body(VOWELS)}]*"
        f"|[{class_body('AC00-D7A3')}]|[{class_body(VOWELS)}]+)[{class_body(TRAILING)}]*"
        f"|[{class_body(LEADING)}]+|[{class_body(TRAILING)}]+"
    )
    letter = f"(?:{hangul}|{one_of(BREAKING, negated=True)})"
    before, after = one_of(PREPENDED), one_of(EXTENDING)
    return re.compile(f"\r\n|(?:{before}+{letter}|(?={letter}{after}){letter}|(?={after})){after}*")
