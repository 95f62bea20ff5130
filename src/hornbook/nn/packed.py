"""Packed layers: what replaces Linear and Embedding in a model that is used, not trained.

A packed weight lies in the layout that the backend multiplies fastest, and never changes. `Module.pack` puts
these layers in.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from hornbook.backend import Activation, Packed, WeightType, get_backend
from hornbook.errors import ConfigError
from hornbook.nn import functional
from hornbook.nn.module import Module, Parameter
from hornbook.tensor import Tensor

__all__ = ["PackedEmbedding", "PackedLayer", "PackedLinear"]


class PackedLayer(Module, ABC):
    """A layer with a packed weight.

    Args:
        packed: the weight.
    """

    def __init__(self, packed: Packed) -> None:
        self.packed = packed

    @property
    def weight(self) -> Tensor:
        """The values that are computed with, unpacked at each access, read-only."""
        return Tensor(get_backend().asarray(self.packed.unpack()))

    def own_weights(self) -> Iterator[tuple[str, Parameter | Packed]]:
        """See `Module.own_weights`."""
        yield "weight", self.packed
        yield from super().own_weights()

    def packed_layer(self, dtype: WeightType) -> "PackedLayer":
        """This layer; one that was packed in float32 may change its type.

        Raises:
            ConfigError: the values are rounded to another type.
        """
        if dtype != self.packed.dtype:
            if self.packed.dtype != "float32":
                raise ConfigError(
                    f"pack: the weights are rounded to {self.packed.dtype} already; "
                    f"load the model again with dtype={dtype!r}"
                )
            self.packed = self._pack(self.packed.unpack(), dtype)
        return self

    @abstractmethod
    def _pack(self, weight: Any, dtype: WeightType) -> Packed:
        """Packs an array in the way of this layer."""


class PackedLinear(PackedLayer):
    """activation(x W + b) + residual with a packed W, see `Linear`.

    Args:
        packed: W, `[in_features, out_features]`.
        bias: b, `[out_features]`.
    """

    def __init__(self, packed: Packed, bias: Parameter | None) -> None:
        super().__init__(packed)
        self.bias = bias

    def __call__(
        self, x: Tensor, *, activation: Activation = "none", residual: Tensor | None = None
    ) -> Tensor:
        """`[..., K] -> [..., M]`."""
        return functional.linear(x, self.packed, self.bias, activation=activation, residual=residual)

    def _pack(self, weight: Any, dtype: WeightType) -> Packed:
        return get_backend().pack(weight, dtype)


class PackedEmbedding(PackedLayer):
    """A packed table with one row for each id, see `Embedding`.

    Args:
        packed: the table, `[num_embeddings, embedding_dim]`.
    """

    def __call__(self, ids: Any) -> Tensor:
        """See `Embedding.__call__`."""
        return functional.embedding(self.packed, ids)

    def unembed(self, x: Tensor) -> Tensor:
        """See `Embedding.unembed`."""
        return functional.unembed(x, self.packed)

    def cross_entropy(self, x: Tensor, targets: Any) -> Tensor:
        """See `Embedding.cross_entropy`; only a block of logits exists at a time."""
        return functional.cross_entropy(x, self.packed, targets)

    def mean_cross_entropy(self, x: Tensor, targets: Any) -> Tensor:
        """See `Embedding.mean_cross_entropy`."""
        return functional.mean_cross_entropy(x, self.packed, targets)

    def _pack(self, weight: Any, dtype: WeightType) -> Packed:
        return get_backend().pack_table(weight, dtype)
