"""Attention over packed sequences, with or without a cache of keys and values.

Everything is written for one sequence: heads `[H, T, D]`, T new rows against S >= T keys. Packed batches
are a loop over sequences, and a cache only makes S larger than T.
"""

import numpy as np

from hornbook.backend.activation import ActivationOps
from hornbook.backend.batch import spans
from hornbook.backend.cache import KVCache, LayerCache
from hornbook.backend.types import Array
from hornbook.errors import ShapeError

__all__ = ["AttentionOps"]


class AttentionOps(ActivationOps):
    """Multi-head attention, fused from the joint projection of Q, K and V to the joined heads."""

    def attention(
        self,
        qkv: Array,
        offsets: Array,
        *,
        n_head: int,
        causal: bool,
        scale: float,
        cache: LayerCache | None = None,
    ) -> Array:
        """softmax(scale * Q K^T) V for every head of every sequence.

        Args:
            qkv: queries, keys and values side by side, `[N, 3C]`.
            offsets: where each sequence begins, `[B+1]`.
            n_head: H; each head has D = C/H features.
            causal: a row sees only rows up to itself.
            scale: usually 1/sqrt(D).
            cache: keys and values of earlier rows; the new rows are appended to it.

        Returns:
            The heads joined again, `[N, C]`.

        Raises:
            ShapeError: qkv does not split into 3H parts, or offsets or cache belong to another batch.
            ContextLengthError: the cache is full.

        Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.
        """
        _check_fit(qkv, offsets, n_head, cache)
        output = np.empty((len(qkv), qkv.shape[1] // 3), qkv.dtype)
        for sequence, (begin, end) in enumerate(spans("attention", offsets, len(qkv))):
            q, k, v = _split_heads(qkv[begin:end], n_head)  # each [H, T, D]
            if cache is not None:
                k, v = cache.append(sequence, k, v)  # [H, S, D]
            weights = self._attention_weights(q, k, causal=causal, scale=scale)  # [H, T, S]
            output[begin:end] = _join_heads(weights @ v)
        return output

    def new_cache(
        self, n_layer: int, n_sequences: int, n_head: int, head_size: int, capacity: int
    ) -> KVCache:
        """Room for `capacity` rows of each sequence in each layer, in the form that `attention` fills."""
        return KVCache(n_layer, n_sequences, n_head, head_size, capacity)

    def attention_backward(
        self, grad: Array, qkv: Array, offsets: Array, *, n_head: int, causal: bool, scale: float
    ) -> Array:
        """The gradient with respect to qkv, `[N, 3C]`."""
        dqkv = np.empty_like(qkv)
        for begin, end in spans("attention", offsets, len(qkv)):
            q, k, v = _split_heads(qkv[begin:end], n_head)
            dcontext = _split_heads(grad[begin:end], n_head, parts=1)[0]  # [H, T, D]
            weights = self._attention_weights(q, k, causal=causal, scale=scale)
            dweights = dcontext @ v.swapaxes(1, 2)
            dscores = self.softmax_backward(dweights, weights) * scale
            parts = dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dcontext
            dqkv[begin:end] = np.concatenate([_join_heads(part) for part in parts], axis=1)
        return dqkv

    def _attention_weights(self, q: Array, k: Array, *, causal: bool, scale: float) -> Array:
        scores = q @ k.swapaxes(1, 2) * q.dtype.type(scale)  # [H, T, S]
        n_new, n_keys = scores.shape[1:]
        if causal and n_new > 1:
            # Row t of the new ones stands at position S - T + t and sees nothing behind it.
            behind = np.triu(np.ones((n_new, n_keys), bool), k=n_keys - n_new + 1)
            scores[:, behind] = -np.inf
        return self.softmax(scores)


def _check_fit(qkv: Array, offsets: Array, n_head: int, cache: LayerCache | None) -> None:
    if qkv.ndim != 2 or n_head < 1 or qkv.shape[1] % (3 * n_head):
        raise ShapeError(
            f"attention: expected qkv of shape [N, 3C] with C a multiple of n_head {n_head}, got {qkv.shape}"
        )
    if cache is not None and len(cache.lengths) != len(offsets) - 1:
        raise ShapeError(
            f"attention: the cache holds {len(cache.lengths)} sequences, the batch {len(offsets) - 1}"
        )


def _split_heads(rows: Array, n_head: int, parts: int = 3) -> Array:
    """`[T, parts * C] -> [parts, H, T, D]`."""
    head_size = rows.shape[1] // (parts * n_head)
    return rows.reshape(len(rows), parts, n_head, head_size).transpose(1, 2, 0, 3)


def _join_heads(heads: Array) -> Array:
    """`[H, T, D] -> [T, C]`."""
    n_head, n_rows, head_size = heads.shape
    return heads.swapaxes(0, 1).reshape(n_rows, n_head * head_size)
