"""Layers as functions of tensors, fused where no gradient is wanted."""

from typing import Any

from hornbook.backend import Activation, Generator, LayerCache, Packed, get_backend
from hornbook.tensor import Tensor, apply, apply_with_gradients, is_recording

__all__ = [
    "attention",
    "cross_entropy",
    "distance_bias",
    "dropout",
    "embedding",
    "layer_norm",
    "linear",
    "mean_cross_entropy",
    "segment_mean",
    "unembed",
]


def linear(
    x: Tensor,
    weight: Tensor | Packed,
    bias: Tensor | None = None,
    *,
    activation: Activation = "none",
    residual: Tensor | None = None,
) -> Tensor:
    """activation(x W + b) + residual: `[N, K] -> [N, M]`, see `Ops.linear`.

    One operation. While gradients are recorded, the activation is an operation of its own, because its
    derivative needs the values before it.
    """
    if activation == "none":
        return apply("linear", x, weight, bias, residual)
    if not is_recording():
        return apply("linear", x, weight, bias, residual, activation=activation)
    y = apply("activation", apply("linear", x, weight, bias, None), kind=activation)
    return y if residual is None else y + residual


def unembed(x: Tensor, table: Tensor | Packed) -> Tensor:
    """Each row of x against each row of a table: `[N, C], [V, C] -> [N, V]`, see `Ops.unembed`."""
    return apply("unembed", x, table)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, eps: float) -> Tensor:
    """Rows of mean 0 and variance 1, times weight, plus bias: see `Ops.layer_norm`."""
    return apply("layer_norm", x, weight, bias, eps=eps)


def embedding(table: Tensor | Packed, ids: Any) -> Tensor:
    """The rows of a table: see `Ops.embedding`."""
    return apply("embedding", table, get_backend().asarray(ids))


def attention(
    qkv: Tensor,
    offsets: Any,
    bias: Tensor | None = None,
    *,
    n_head: int,
    n_kv_head: int | None = None,
    causal: bool,
    scale: float,
    cache: LayerCache | None = None,
) -> Tensor:
    """Multi-head attention over packed sequences: see `Ops.attention`."""
    heads = {"n_head": n_head, "n_kv_head": n_kv_head}
    return apply("attention", qkv, offsets, bias, **heads, causal=causal, scale=scale, cache=cache)


def distance_bias(bias: Tensor, n_rows: int, n_keys: int) -> Tensor:
    """A bias by distance for each row and key: see `Ops.distance_bias`."""
    return apply("distance_bias", bias, n_rows=n_rows, n_keys=n_keys)


def cross_entropy(x: Tensor, table: Tensor | Packed, targets: Any) -> Tensor:
    """One loss for each row of hidden states, in nats: see `Ops.cross_entropy`."""
    return apply("cross_entropy", x, table, get_backend().asarray(targets))


def mean_cross_entropy(x: Tensor, table: Tensor | Packed, targets: Any) -> Tensor:
    """The mean loss of all rows whose target is not negative, in nats.

    While gradients are recorded they are computed together with the value, from the same logits.
    """
    ops = get_backend()
    targets = ops.asarray(targets)
    weights = ops.target_weights(targets, x.dtype)
    if is_recording() and not isinstance(table, Packed):
        return apply_with_gradients("cross_entropy_with_gradients", x, table, targets, weights)
    return (cross_entropy(x, table, targets) * weights).sum()


def segment_mean(x: Tensor, offsets: Any) -> Tensor:
    """The mean of each segment's rows: `[N, C] -> [B, C]`; zeros for an empty segment."""
    ops = get_backend()
    offsets = ops.asarray(offsets)
    return apply("segment_sum", x, offsets, ops.segment_weights(offsets, x.dtype))


def dropout(x: Tensor, p: float, rng: Generator) -> Tensor:
    """Sets elements to zero with probability p and divides the others by 1 - p.

    Source: Srivastava et al., "Dropout", 2014.
    """
    ops = get_backend()
    kept = ops.asarray(ops.bernoulli(x.shape, 1 - p, rng), x.dtype)
    return x * (ops.div(kept, 1 - p) if p < 1 else kept)
