"""A stretch of text on its way to ids, with the place that each of its characters has in the source."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["NOWHERE", "Part", "Step", "composed", "origins_of"]

NOWHERE = -1
"""The place of a character that stands before all of the source."""

Step: TypeAlias = tuple[str, int]
"""A character of the new text, and what it does to the old one: 0 takes the place of the next one there, 1 is
put in behind, and -n takes the place of the next and removes n behind it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Text between special tokens: all of it at first, then one word.

    Attributes:
        text: as normalizers have left it.
        places: the index in the source that each character comes from; None if nobody asks for them.
        at_start: whether the part begins where the source does.
    """

    text: str
    places: Sequence[int] | None = None
    at_start: bool = True

    def slice(self, start: int, stop: int) -> "Part":
        """The characters from `start` to before `stop`."""
        places = None if self.places is None else self.places[start:stop]
        return Part(self.text[start:stop], places, self.at_start and start == 0)

    def rewritten(self, text: str, origins: Iterable[int]) -> "Part":
        """The part with another text.

        Args:
            text: the new text.
            origins: the index in the old text that each new character comes from; read only where places
                are asked for.
        """
        places = None if self.places is None else composed(origins, self.places)
        return Part(text, places, self.at_start)


def composed(origins: Iterable[int], places: Sequence[int]) -> list[int]:
    """Places of characters that come from the indices `origins` of a text with `places`."""
    return [NOWHERE if origin == NOWHERE else places[origin] for origin in origins]


def origins_of(steps: Iterable[Step]) -> Iterator[int]:
    """The index in the old text that each new character comes from; one put in, from what is before it."""
    done = 0
    for _, change in steps:
        if change > 0:
            yield done - 1
        else:
            yield done
            done += 1 - change
