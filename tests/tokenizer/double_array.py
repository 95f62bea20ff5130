"""Makes SentencePiece's table of replacements from a dictionary, for tests: a trie in a double array."""

from collections.abc import Mapping

__all__ = ["charsmap"]

LEAF = 1 << 31
HAS_LEAF = 1 << 8

Trie = dict[int, "Trie | int"]


def charsmap(replacements: Mapping[str, str]) -> bytes:
    """The size of the trie, the trie, and the replacements, each followed by a zero byte."""
    trie: Trie = {}
    text = b""
    for key, replacement in replacements.items():
        node = trie
        for byte in key.encode():
            child = node.setdefault(byte, {})
            assert isinstance(child, dict)
            node = child
        node[0] = len(text)  # no key has a zero byte: it stands for the end
        text += replacement.encode() + b"\0"
    units = bytearray(4 * 0x100 * (2 + _count(trie)))
    _Writer(units).write(trie, 0, 0)
    return len(units).to_bytes(4, "little") + bytes(units) + text


def _count(node: Trie) -> int:
    return 1 + sum(_count(child) for child in node.values() if isinstance(child, dict))


class _Writer:
    """Gives every node 256 units of its own: wasteful, and easy to be sure of."""

    def __init__(self, units: bytearray) -> None:
        self._units = units
        self._blocks = 0

    def write(self, node: Trie, place: int, label: int) -> None:
        self._blocks += 1
        children = self._blocks << 8
        offset = place ^ children
        self._put(place, offset << 10 | (HAS_LEAF if 0 in node else 0) | label)
        for byte, child in node.items():
            if isinstance(child, dict):
                self.write(child, children ^ byte, byte)
            else:
                self._put(children, LEAF | child)

    def _put(self, place: int, unit: int) -> None:
        self._units[4 * place : 4 * place + 4] = unit.to_bytes(4, "little")
