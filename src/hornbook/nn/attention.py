"""Multi-head self-attention: fused for use, step by step for reading."""

from dataclasses import dataclass
from typing import Any

from hornbook.backend import Array, Generator, LayerCache, get_backend
from hornbook.errors import ConfigError, ShapeError
from hornbook.nn import functional
from hornbook.nn.layers import INIT_STD, Dropout, Linear, ResidualLinear
from hornbook.nn.module import Module
from hornbook.tensor import Tensor, cat, ones

__all__ = ["Attention", "AttentionSteps"]


@dataclass(frozen=True)
class AttentionSteps:
    """Every intermediate result of attention, with the shapes of the textbooks.

    Attributes:
        qkv: `[B, T, (H + 2 KV) D]`, queries, keys and values side by side.
        q: `[B, H, T, D]`.
        k: `[B, H, T, D]`.
        v: `[B, H, T, D]`.
        scores: `[B, H, T, T]`, scale * Q K^T, with -inf at the keys that a row must not see.
        weights: `[B, H, T, T]`, softmax of the scores; each row sums to 1.
        heads: `[B, H, T, D]`, weights times V.
        merged: `[B, T, C]`, the heads side by side.
        output: `[B, T, C]`, after the last projection.
    """

    qkv: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    scores: Tensor
    weights: Tensor
    heads: Tensor
    merged: Tensor
    output: Tensor


class Attention(Module):
    """Each token takes a weighted mean of the values of all tokens (if causal: of those up to itself).

    Args:
        n_embd: C, features of a token.
        n_head: H, must divide C; each head works on D = C/H features.
        n_kv_head: KV, heads of keys and values, must divide H; H unless given.
        causal: whether a token sees only those before it, and itself.
        scale: of the scores; 1/sqrt(D) unless given.
        bias: whether the projections have one.
        attn_pdrop: probability with which training zeroes an attention weight.
        resid_pdrop: the same for an element of the output.
        std: standard deviation of the input projection's first weights.
        residual_std: the same for the output projection.
        rng: source of randomness, for first weights and dropout.

    Raises:
        ConfigError: n_head does not divide n_embd, or n_kv_head does not divide n_head.

    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        *,
        n_kv_head: int | None = None,
        causal: bool = True,
        scale: float | None = None,
        bias: bool = True,
        attn_pdrop: float = 0.0,
        resid_pdrop: float = 0.0,
        std: float = INIT_STD,
        residual_std: float = INIT_STD,
        rng: Generator | None = None,
    ) -> None:
        if n_head < 1 or n_embd % n_head:
            raise ConfigError(f"Attention: n_head must divide n_embd, got n_head {n_head}, n_embd {n_embd}")
        self.n_head = n_head
        self.n_kv_head = n_head if n_kv_head is None else n_kv_head
        if self.n_kv_head < 1 or n_head % self.n_kv_head:
            raise ConfigError(f"Attention: n_kv_head must divide n_head {n_head}, got {n_kv_head}")
        self.head_size = n_embd // n_head
        qkv = n_embd + 2 * self.n_kv_head * self.head_size
        self.c_attn = Linear(n_embd, qkv, bias=bias, std=std, rng=rng)
        self.c_proj = ResidualLinear(
            n_embd, n_embd, bias=bias, dropout=resid_pdrop, std=residual_std, rng=rng
        )
        self.attn_dropout = Dropout(attn_pdrop, rng=rng)
        self.causal = causal
        self.scale = self.head_size**-0.5 if scale is None else scale

    def __call__(
        self,
        x: Tensor,
        offsets: Any = None,
        *,
        distance_bias: Tensor | None = None,
        cache: LayerCache | None = None,
        residual: Tensor | None = None,
    ) -> Tensor:
        """Attends within each sequence.

        Args:
            x: packed rows `[N, C]`, or `[B, T, C]` without offsets.
            offsets: where each sequence begins in packed rows, `[B+1]`; None for one sequence.
            distance_bias: what is added to scores by head and distance, see `Ops.distance_bias`.
            cache: keys and values of earlier rows; the new ones are appended.
            residual: added to the result, in the shape of x.

        Returns:
            The shape of x.

        Raises:
            ShapeError: x has another number of features, or offsets do not belong to it.
            ConfigError: a cache while dropout zeroes attention weights.
        """
        if x.ndim == 3:
            offsets = _equal_offsets(x, offsets)
            rows = None if residual is None else residual.reshape(-1, x.shape[-1])
            packed = self(
                x.reshape(-1, x.shape[-1]), offsets, distance_bias=distance_bias, cache=cache, residual=rows
            )
            return packed.reshape(*x.shape)
        if not self.attn_dropout.active:
            heads = self._attend(self.c_attn(x), offsets, distance_bias, cache)
            return self.c_proj(heads, residual=residual)
        if cache is not None:
            raise ConfigError("attention: no cache while training with dropout; call eval() on the model")
        return self._attend_in_steps(x, offsets, distance_bias, residual)

    def steps(self, x: Tensor, distance_bias: Tensor | None = None) -> AttentionSteps:
        """The same with every intermediate result, one operation after the other.

        Args:
            x: `[B, T, C]`, or `[T, C]` for one sequence.
            distance_bias: as in a call.

        Raises:
            ShapeError: x has another number of axes.
        """
        if x.ndim not in {2, 3}:
            raise ShapeError(f"steps: expected x of shape [T, C] or [B, T, C], got {x.shape}")
        x = x if x.ndim == 3 else x.unsqueeze(0)
        n_sequences, length, width = x.shape
        qkv = self.c_attn(x)  # [B, T, (H + 2 KV) D]
        q, k, v = self._split(qkv)  # each [B, H, T, D]
        scores = q @ k.transpose() * self.scale  # [B, H, T, T]
        if distance_bias is not None:
            scores = scores + functional.distance_bias(distance_bias, length, length)
        if self.causal:
            scores = scores.masked_fill(ones(length, length, dtype="bool").triu(1), float("-inf"))
        weights = scores.softmax()
        heads = self.attn_dropout(weights) @ v  # [B, H, T, D]
        merged = heads.permute(0, 2, 1, 3).reshape(n_sequences, length, width)
        return AttentionSteps(qkv, q, k, v, scores, weights, heads, merged, self.c_proj(merged))

    def _split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values `[B, H, T, D]`; those that heads share are repeated."""
        n_sequences, length, _ = qkv.shape
        n_heads = self.n_head + 2 * self.n_kv_head
        heads = qkv.reshape(n_sequences, length, n_heads, self.head_size).permute(0, 2, 1, 3)
        q, kv = heads[:, : self.n_head], heads[:, self.n_head :]  # [B, H, T, D], [B, 2 KV, T, D]
        shape = n_sequences, self.n_kv_head, self.n_head // self.n_kv_head, length, self.head_size
        k, v = (
            part.unsqueeze(2).broadcast_to(*shape).reshape(*q.shape)
            for part in (kv[:, : self.n_kv_head], kv[:, self.n_kv_head :])
        )
        return q, k, v

    def _attend(
        self, qkv: Tensor, offsets: Any, distance_bias: Tensor | None, cache: LayerCache | None
    ) -> Tensor:
        return functional.attention(
            qkv,
            _as_offsets(offsets, len(qkv)),
            distance_bias,
            n_head=self.n_head,
            n_kv_head=self.n_kv_head,
            causal=self.causal,
            scale=self.scale,
            cache=cache,
        )

    def _attend_in_steps(
        self, x: Tensor, offsets: Any, distance_bias: Tensor | None, residual: Tensor | None
    ) -> Tensor:
        """Dropout zeroes single attention weights, which the fused operation never holds."""
        sequences = get_backend().segments(_as_offsets(offsets, len(x)), len(x))
        output = cat([self.steps(x[begin:end], distance_bias).output.squeeze(0) for begin, end in sequences])
        return output if residual is None else residual + output


def _as_offsets(offsets: Any, n_rows: int) -> Array:
    """Offsets as an array of the backend; without any, all rows are one sequence."""
    return get_backend().asarray([0, n_rows] if offsets is None else offsets, "int32")


def _equal_offsets(x: Tensor, offsets: Any) -> list[int]:
    """Where each sequence of `[B, T, C]` begins when its rows are packed."""
    if offsets is not None:
        raise ShapeError(f"attention: offsets are for packed rows [N, C], got x of shape {x.shape}")
    n_sequences, length, _ = x.shape
    return [length * i for i in range(n_sequences + 1)]
