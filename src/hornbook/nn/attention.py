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
        qkv: `[B, T, 3C]`, queries, keys and values side by side.
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
        causal: whether a token sees only those before it, and itself.
        scale: of the scores; 1/sqrt(D) unless given.
        attn_pdrop: probability with which training zeroes an attention weight.
        resid_pdrop: the same for elements of the output.
        std: standard deviation of the input projection's first weights.
        residual_std: the same for the output projection.
        rng: source of randomness, for first weights and dropout.

    Raises:
        ConfigError: n_head does not divide n_embd.

    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        *,
        causal: bool = True,
        scale: float | None = None,
        attn_pdrop: float = 0.0,
        resid_pdrop: float = 0.0,
        std: float = INIT_STD,
        residual_std: float = INIT_STD,
        rng: Generator | None = None,
    ) -> None:
        if n_head < 1 or n_embd % n_head:
            raise ConfigError(f"Attention: n_head must divide n_embd, got n_head {n_head}, n_embd {n_embd}")
        self.c_attn = Linear(n_embd, 3 * n_embd, std=std, rng=rng)
        self.c_proj = ResidualLinear(n_embd, n_embd, dropout=resid_pdrop, std=residual_std, rng=rng)
        self.attn_dropout = Dropout(attn_pdrop, rng=rng)
        self.n_head = n_head
        self.causal = causal
        self.scale = (n_embd // n_head) ** -0.5 if scale is None else scale

    def __call__(
        self,
        x: Tensor,
        offsets: Any = None,
        *,
        cache: LayerCache | None = None,
        residual: Tensor | None = None,
    ) -> Tensor:
        """Attends within each sequence.

        Args:
            x: packed rows `[N, C]`, or `[B, T, C]` without offsets.
            offsets: where each sequence begins in packed rows, `[B+1]`; None for one sequence.
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
            packed = self(x.reshape(-1, x.shape[-1]), offsets, cache=cache, residual=rows)
            return packed.reshape(*x.shape)
        if not self.attn_dropout.active:
            return self.c_proj(self._attend(self.c_attn(x), offsets, cache), residual=residual)
        if cache is not None:
            raise ConfigError("attention: no cache while training with dropout; call eval() on the model")
        return self._attend_in_steps(x, offsets, residual)

    def steps(self, x: Tensor) -> AttentionSteps:
        """The same with every intermediate result, one operation after the other.

        Args:
            x: `[B, T, C]`, or `[T, C]` for one sequence.

        Raises:
            ShapeError: x has another number of axes.
        """
        if x.ndim not in {2, 3}:
            raise ShapeError(f"steps: expected x of shape [T, C] or [B, T, C], got {x.shape}")
        x = x if x.ndim == 3 else x.unsqueeze(0)
        n_sequences, length, width = x.shape
        qkv = self.c_attn(x)  # [B, T, 3C]
        split = qkv.reshape(n_sequences, length, 3, self.n_head, width // self.n_head).permute(2, 0, 3, 1, 4)
        q, k, v = split  # each [B, H, T, D]
        scores = q @ k.transpose() * self.scale  # [B, H, T, T]
        if self.causal:
            scores = scores.masked_fill(ones(length, length, dtype="bool").triu(1), float("-inf"))
        weights = scores.softmax()
        heads = self.attn_dropout(weights) @ v  # [B, H, T, D]
        merged = heads.permute(0, 2, 1, 3).reshape(n_sequences, length, width)
        return AttentionSteps(qkv, q, k, v, scores, weights, heads, merged, self.c_proj(merged))

    def _attend(self, qkv: Tensor, offsets: Any, cache: LayerCache | None) -> Tensor:
        return functional.attention(
            qkv,
            _as_offsets(offsets, len(qkv)),
            n_head=self.n_head,
            causal=self.causal,
            scale=self.scale,
            cache=cache,
        )

    def _attend_in_steps(self, x: Tensor, offsets: Any, residual: Tensor | None) -> Tensor:
        """Dropout zeroes single attention weights, which the fused operation never holds."""
        sequences = get_backend().segments(_as_offsets(offsets, len(x)), len(x))
        output = cat([self.steps(x[begin:end]).output.squeeze(0) for begin, end in sequences])
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
