"""Text on its way to ids, aligned with its source: for each character, the index of the one it comes from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["NOWHERE", "AlignedText", "Edit", "origins_of_edits", "positions_at"]

NOWHERE = -1
"""The position of a character that was put before the whole source."""

Edit: TypeAlias = tuple[str, int]
"""A character of the new text, and how it changes the old one: 0 replaces the next old character, 1 is an
insertion, and -n replaces the next old character and removes the n after it."""


@dataclass(frozen=True, slots=True)
class AlignedText:
    """Text between added tokens: all of it at first, then one word.

    Attributes:
        text: the text as the steps so far have left it.
        positions: the index in the source that each character comes from; None if spans are not wanted.
        at_start: whether the text begins where the source does.
    """

    text: str
    positions: Sequence[int] | None = None
    at_start: bool = True

    def slice(self, start: int, stop: int) -> "AlignedText":
        """The characters from `start` to before `stop`."""
        positions = None if self.positions is None else self.positions[start:stop]
        return AlignedText(self.text[start:stop], positions, self.at_start and start == 0)

    def rewritten(self, text: str, origins: Iterable[int]) -> "AlignedText":
        """A new text, aligned with the same source.

        Args:
            text: the new text.
            origins: the index in the old text that each new character comes from; read only if spans are
                wanted.
        """
        positions = None if self.positions is None else positions_at(origins, self.positions)
        return AlignedText(text, positions, self.at_start)


def positions_at(origins: Iterable[int], positions: Sequence[int]) -> list[int]:
    """The positions of the characters at the indices `origins`."""
    return [NOWHERE if origin == NOWHERE else positions[origin] for origin in origins]


def origins_of_edits(edits: Iterable[Edit]) -> Iterator[int]:
    """The index in the old text that each new character comes from; an inserted one, from that before it."""
    done = 0
    for _, change in edits:
        if change > 0:
            yield done - 1
        else:
            yield done
            done += 1 - change
