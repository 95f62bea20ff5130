"""Progress reports of training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Progress", "Report"]


@dataclass(frozen=True)
class Progress:
    """How far training has come.

    Attributes:
        stage: "counting" words, then "merging" pairs.
        done: characters counted, or merges learned.
        total: the most merges to learn; None while counting.
    """

    stage: Literal["counting", "merging"]
    done: int
    total: int | None = None


Report = Callable[[Progress], None]
"""Called from time to time; an exception that it raises ends the training."""
