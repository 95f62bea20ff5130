"""Attention over packed sequences, with or without a cache of keys and values.

Everything is written for one sequence: heads `[H, T, D]`, T new rows against S >= T keys. Packed batches
are a loop over sequences, and a cache only makes S larger than T.
"""

import numpy as np

from hornbook.backend.activation import ActivationOps
from hornbook.backend.batch import spans
from hornbook.backend.cache import KVCache, LayerCache
from hornbook.backend.types import Array
from hornbook.errors import ConfigError, ShapeError

__all__ = ["AttentionOps"]


class AttentionOps(ActivationOps):
    """Multi-head attention, fused from the joint projection of Q, K and V to the joined heads."""

    def attention(
        self,
        qkv: Array,
        offsets: Array,
        bias: Array | None = None,
        *,
        n_head: int,
        n_kv_head: int | None = None,
        causal: bool,
        scale: float,
        cache: LayerCache | None = None,
    ) -> Array:
        """softmax(scale * Q K^T + bias) V for every head of every sequence.

        Args:
            qkv: queries, keys and values side by side, `[N, (H + 2 KV) D]`.
            offsets: where each sequence begins, `[B+1]`.
            bias: what is added to scores for each head and distance, see `distance_bias`, `[H, 2 R + 1]`.
            n_head: H, heads of queries.
            n_kv_head: KV, heads of keys and values, each shared by H / KV neighbouring heads of queries
                (Ainslie et al., "GQA", 2023); H unless given.
            causal: a row sees only rows up to itself.
            scale: usually 1/sqrt(D).
            cache: keys and values of earlier rows; the new rows are appended to it.

        Returns:
            The heads joined again, `[N, H D]`.

        Raises:
            ShapeError: qkv does not split into H + 2 KV heads, KV does not divide H, bias is not one row of
                odd length for each head, or offsets or cache belong to another batch.
            ConfigError: a cache without `causal`.
            ContextLengthError: the cache is full.

        Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.2.
        """
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        head_size = _checked_head_size(qkv, n_head, n_kv_head, bias)
        _check_cache(cache, offsets, causal)
        output = np.empty((len(qkv), n_head * head_size), qkv.dtype)
        for sequence, (begin, end) in enumerate(spans("attention", offsets, len(qkv))):
            q, k, v = _split_heads(qkv[begin:end], n_head, n_kv_head)  # [H, T, D], twice [KV, T, D]
            if cache is not None:
                k, v = cache.append(sequence, k, v)  # [KV, S, D]
            k, v = _shared(k, n_head), _shared(v, n_head)  # [H, S, D]
            weights = self._attention_weights(q, k, bias, causal=causal, scale=scale)  # [H, T, S]
            output[begin:end] = _join_heads(weights @ v)
        return output

    def attention_backward(
        self,
        grad: Array,
        qkv: Array,
        offsets: Array,
        bias: Array | None = None,
        *,
        n_head: int,
        n_kv_head: int | None = None,
        causal: bool,
        scale: float,
    ) -> tuple[Array, Array | None]:
        """The gradients with respect to qkv and, if there is one, bias."""
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        dqkv, dbias = np.empty_like(qkv), None if bias is None else np.zeros_like(bias)
        for begin, end in spans("attention", offsets, len(qkv)):
            q, k, v = _split_heads(qkv[begin:end], n_head, n_kv_head)
            k, v = _shared(k, n_head), _shared(v, n_head)
            dcontext = _split_heads(grad[begin:end], n_head, 0)[0]  # [H, T, D]
            weights = self._attention_weights(q, k, bias, causal=causal, scale=scale)
            dbiased = self.softmax_backward(dcontext @ v.swapaxes(1, 2), weights)
            if dbias is not None:
                dbias += self.distance_bias_backward(dbiased, dbias.shape[1])
            dscores = dbiased * scale
            dk, dv = dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dcontext
            parts = dscores @ k, _summed(dk, n_kv_head), _summed(dv, n_kv_head)
            dqkv[begin:end] = np.concatenate([_join_heads(part) for part in parts], axis=1)
        return dqkv, dbias

    def distance_bias(self, bias: Array, n_rows: int, n_keys: int) -> Array:
        """What `attention` adds to the scores of its last T rows against S keys: `[H, 2 R + 1] -> [H, T, S]`.

        A row at position t gets `bias[h, R + d]` for the key at position s, where d = s - t, or -R or R
        where that is less or more. Any table by distance that is constant from some distance on is of this
        form: the buckets of T5 and MPNet, and ALiBi with R = the longest sequence.
        """
        return bias[:, _distances(n_rows, n_keys, bias.shape[1])]

    def distance_bias_backward(self, grad: Array, width: int) -> Array:
        """Adds up the gradients of each head and distance: `[H, T, S] -> [H, width]`."""
        _, n_rows, n_keys = grad.shape
        indices = _distances(n_rows, n_keys, width).reshape(-1)
        sums = [np.bincount(indices, head.reshape(-1), width) for head in grad]
        return np.stack(sums).astype(grad.dtype)

    def new_cache(
        self, n_layer: int, n_sequences: int, n_kv_head: int, head_size: int, capacity: int
    ) -> KVCache:
        """Room for `capacity` rows of each sequence in each layer, in the form that `attention` fills."""
        return KVCache(n_layer, n_sequences, n_kv_head, head_size, capacity)

    def _attention_weights(
        self, q: Array, k: Array, bias: Array | None, *, causal: bool, scale: float
    ) -> Array:
        scores = q @ k.swapaxes(1, 2) * q.dtype.type(scale)  # [H, T, S]
        n_new, n_keys = scores.shape[1:]
        if bias is not None:
            scores += self.distance_bias(bias, n_new, n_keys)
        if causal and n_new > 1:
            # Row t of the new ones stands at position S - T + t and sees no later one.
            later = np.triu(np.ones((n_new, n_keys), bool), k=n_keys - n_new + 1)
            scores[:, later] = -np.inf
        return self.softmax(scores)


def _checked_head_size(qkv: Array, n_head: int, n_kv_head: int, bias: Array | None) -> int:
    if n_head < 1 or n_kv_head < 1 or n_head % n_kv_head:
        raise ShapeError(f"attention: n_kv_head must divide n_head, got {n_kv_head} and {n_head}")
    n_heads = n_head + 2 * n_kv_head
    if qkv.ndim != 2 or qkv.shape[1] % n_heads:
        raise ShapeError(
            f"attention: expected qkv of shape [N, {n_heads} D], for {n_head} heads of queries "
            f"and {n_kv_head} of keys and values, got {qkv.shape}"
        )
    if bias is not None and (bias.ndim != 2 or len(bias) != n_head or bias.shape[1] % 2 == 0):
        raise ShapeError(f"attention: expected a bias of shape [{n_head}, 2 R + 1], got {bias.shape}")
    return int(qkv.shape[1]) // n_heads


def _check_cache(cache: LayerCache | None, offsets: Array, causal: bool) -> None:
    if cache is None:
        return
    if not causal:
        raise ConfigError("attention: earlier rows cannot see what a cache gets later; it needs causal=True")
    if len(cache.lengths) != len(offsets) - 1:
        raise ShapeError(
            f"attention: the cache holds {len(cache.lengths)} sequences, the batch {len(offsets) - 1}"
        )


def _distances(n_rows: int, n_keys: int, width: int) -> Array:
    """Where the bias of each of the last rows against each key is in a table of this width, `[T, S]`."""
    radius = width // 2
    positions = np.arange(n_keys - n_rows, n_keys)
    return np.clip(np.arange(n_keys) - positions[:, None], -radius, radius) + radius


def _split_heads(rows: Array, n_head: int, n_kv_head: int) -> tuple[Array, Array, Array]:
    """`[T, (H + 2 KV) D] -> [H, T, D], [KV, T, D], [KV, T, D]`."""
    n_heads = n_head + 2 * n_kv_head
    heads = rows.reshape(len(rows), n_heads, rows.shape[1] // n_heads).swapaxes(0, 1)
    return heads[:n_head], heads[n_head : n_head + n_kv_head], heads[n_head + n_kv_head :]


def _shared(heads: Array, n_head: int) -> Array:
    """Repeats each head of keys or values for all heads of queries that use it: `[KV, S, D] -> [H, S, D]`."""
    return heads if len(heads) == n_head else np.repeat(heads, n_head // len(heads), axis=0)


def _summed(heads: Array, n_kv_head: int) -> Array:
    """Undoes `_shared`: `[H, S, D] -> [KV, S, D]`."""
    if len(heads) == n_kv_head:
        return heads
    return heads.reshape(n_kv_head, len(heads) // n_kv_head, *heads.shape[1:]).sum(axis=1)


def _join_heads(heads: Array) -> Array:
    """`[H, T, D] -> [T, H D]`."""
    n_head, n_rows, head_size = heads.shape
    return heads.swapaxes(0, 1).reshape(n_rows, n_head * head_size)
