"""What a model that classifies says of a text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classification"]


@dataclass(frozen=True)
class Classification:
    """The classes of one text.

    Attributes:
        labels: their names.
        logits: float32 `[labels]`, as transformers computes them.
    """

    labels: tuple[str, ...]
    logits: NDArray[Any]

    @property
    def probabilities(self) -> dict[str, float]:
        """The probability of each class; of a single one, a score, its sigmoid."""
        logits = self.logits.astype(np.float64)
        if len(self.labels) == 1:
            logits = np.array([logits[0], 0])
        exponentials = np.exp(logits - logits.max())
        shares = (exponentials / exponentials.sum()).tolist()
        return dict(zip(self.labels, shares, strict=False))

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.labels[int(np.argmax(self.logits))]
