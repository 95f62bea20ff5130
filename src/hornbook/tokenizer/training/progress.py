"""How training tells how far it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Progress", "Report"]


@dataclass(frozen=True)
class Progress:
    """How far training is.

    Attributes:
        stage: "counting" words, then "merging".
        done: characters counted, or merges learned.
        total: merges to be learned at most; unknown while counting.
    """

    stage: Literal["counting", "merging"]
    done: int
    total: int | None = None


Report = Callable[[Progress], None]
"""Is told now and then how far training is; what it raises ends the training."""
