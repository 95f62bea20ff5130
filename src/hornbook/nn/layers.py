"""The layers that transformers are made of, each usable alone."""

from typing import Any

from hornbook.backend import Activation, Generator, WeightType, get_backend
from hornbook.errors import ConfigError
from hornbook.nn import functional, init
from hornbook.nn.module import Module, Parameter
from hornbook.nn.packed import PackedEmbedding, PackedLinear
from hornbook.tensor import Tensor

__all__ = ["Dropout", "Embedding", "LayerNorm", "Linear", "ResidualLinear"]

INIT_STD = 0.02  # GPT-2's initializer_range


class Linear(Module):
    """x W + b.

    The weight is `[in_features, out_features]`, as GPT-2 stores it (torch's Linear has it transposed).

    Args:
        in_features: K.
        out_features: M.
        bias: whether to add one.
        std: standard deviation of the first weights.
        rng: source of the first weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        std: float = INIT_STD,
        rng: Generator | None = None,
    ) -> None:
        self.weight = Parameter(init.normal((in_features, out_features), std, rng))
        self.bias = Parameter(init.constant((out_features,), 0)) if bias else None

    def packed_layer(self, dtype: WeightType) -> PackedLinear:
        """See `Module.packed_layer`."""
        return PackedLinear(get_backend().pack(self.weight.data, dtype), self.bias)

    def __call__(
        self, x: Tensor, *, activation: Activation = "none", residual: Tensor | None = None
    ) -> Tensor:
        """activation(x W + b) + residual: `[..., K] -> [..., M]`."""
        return functional.linear(x, self.weight, self.bias, activation=activation, residual=residual)


class Embedding(Module):
    """A table with one row for each id.

    Args:
        num_embeddings: V, the number of rows.
        embedding_dim: C, their length.
        std: standard deviation of the first values.
        rng: source of the first values.
        packs: whether it is packed with the module that it belongs to; a small table need not be rounded.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        std: float = INIT_STD,
        rng: Generator | None = None,
        packs: bool = True,
    ) -> None:
        self.weight = Parameter(init.normal((num_embeddings, embedding_dim), std, rng))
        self.packs = packs

    def packed_layer(self, dtype: WeightType) -> "Embedding | PackedEmbedding":
        """See `Module.packed_layer`."""
        if not self.packs:
            return self
        return PackedEmbedding(get_backend().pack_table(self.weight.data, dtype))

    def __call__(self, ids: Any) -> Tensor:
        """The rows of `ids`: `[...] -> [..., C]`."""
        return functional.embedding(self.weight, ids)

    def unembed(self, x: Tensor) -> Tensor:
        """How well each row of x fits each row of the table: logits, `[N, C] -> [N, V]`."""
        return functional.unembed(x, self.weight)

    def cross_entropy(self, x: Tensor, targets: Any) -> Tensor:
        """The loss of each row of x against its target id, in nats: see `Ops.cross_entropy`."""
        return functional.cross_entropy(x, self.weight, targets)

    def mean_cross_entropy(self, x: Tensor, targets: Any) -> Tensor:
        """The mean loss of the rows whose target is not negative: see `functional.mean_cross_entropy`."""
        return functional.mean_cross_entropy(x, self.weight, targets)


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each row.

    Args:
        normalized_shape: C, the length of a row.
        eps: keeps the divisor away from zero.
        bias: whether to add one.
    """

    def __init__(self, normalized_shape: int, eps: float = 1e-5, *, bias: bool = True) -> None:
        self.weight = Parameter(init.constant((normalized_shape,), 1))
        self.bias = Parameter(init.constant((normalized_shape,), 0)) if bias else None
        self.eps = eps

    def __call__(self, x: Tensor) -> Tensor:
        """`[..., C] -> [..., C]`."""
        return functional.layer_norm(x, self.weight, self.bias, eps=self.eps)


class Dropout(Module):
    """In training, zeroes each element with probability p and scales the others up; else does nothing.

    Args:
        p: from 0 to 1.
        rng: source of randomness.

    Raises:
        ConfigError: p is not a probability.
    """

    def __init__(self, p: float = 0.5, *, rng: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ConfigError(f"Dropout: p must be from 0 to 1, got {p}")
        self.p = p
        self.rng = rng or get_backend().generator()

    @property
    def active(self) -> bool:
        """Whether a call zeroes anything."""
        return self.training and self.p > 0

    def __call__(self, x: Tensor) -> Tensor:
        """The shape of x."""
        return functional.dropout(x, self.p, self.rng) if self.active else x


class ResidualLinear(Linear):
    """residual + dropout(x W + b): the last layer of a branch, added to the residual stream.

    Args:
        in_features: K.
        out_features: M.
        bias: whether to add one.
        dropout: probability with which training zeroes an element of the branch.
        std: standard deviation of the first weights.
        rng: source of randomness, for first weights and dropout.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        std: float = INIT_STD,
        rng: Generator | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias=bias, std=std, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)

    def __call__(
        self, x: Tensor, *, activation: Activation = "none", residual: Tensor | None = None
    ) -> Tensor:
        """`[..., K] -> [..., M]`."""
        if not self.dropout.active:
            return super().__call__(x, activation=activation, residual=residual)
        branch = self.dropout(super().__call__(x, activation=activation))
        return branch if residual is None else residual + branch
