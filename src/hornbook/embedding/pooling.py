"""From one vector for each token to one for each text: the modules of an `Embedder`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from hornbook.backend import PackedBatch
from hornbook.errors import ConfigError
from hornbook.nn import functional
from hornbook.tensor import Tensor

__all__ = ["EmbeddingModule", "Pooling", "PoolingMode"]

PoolingMode: TypeAlias = Literal["mean", "cls", "lasttoken"]


class EmbeddingModule(Protocol):
    """A step from the vectors of tokens to those of texts."""

    def __call__(self, x: Tensor, batch: PackedBatch) -> Tensor:
        """Takes the vectors of tokens `[N, C]` until pooling, those of texts `[B, C]` after it."""


@dataclass(frozen=True)
class Pooling:
    """Makes one vector of those of a text's tokens. There is no padding that could count.

    Attributes:
        mode: "mean" of all tokens, the first token ("cls"), or the last one ("lasttoken"); the names of
            sentence-transformers.

    Raises:
        ConfigError: an unknown mode.
    """

    mode: PoolingMode = "mean"

    def __post_init__(self) -> None:
        if self.mode not in POOLING:
            raise ConfigError(f"Pooling: expected mode {', '.join(POOLING)}, got {self.mode!r:.50}")

    def __call__(self, x: Tensor, batch: PackedBatch) -> Tensor:
        """`[N, C] -> [B, C]`; no text may be empty unless the mode is "mean"."""
        return POOLING[self.mode](x, batch)


def _mean(x: Tensor, batch: PackedBatch) -> Tensor:
    return functional.segment_mean(x, batch.offsets)


def _first(x: Tensor, batch: PackedBatch) -> Tensor:
    return x[batch.offsets[:-1]]


def _last(x: Tensor, batch: PackedBatch) -> Tensor:
    return x[batch.last_rows()]


POOLING: dict[PoolingMode, Callable[[Tensor, PackedBatch], Tensor]] = {
    "mean": _mean,
    "cls": _first,
    "lasttoken": _last,
}
