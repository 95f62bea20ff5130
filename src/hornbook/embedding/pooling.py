"""From one vector for each token to one for each text."""

from hornbook.backend import PackedBatch
from hornbook.nn.functional import segment_mean
from hornbook.tensor import Tensor

__all__ = ["mean_pooling"]


def mean_pooling(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """The mean over the tokens of each text: `[N, C] -> [B, C]`. There is no padding that could count."""
    return segment_mean(hidden, batch.offsets)
