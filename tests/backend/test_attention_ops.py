"""Attention: each sequence for itself, no look ahead, and the same with a cache."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import KVCache, Ops
from hornbook.errors import ContextLengthError, ShapeError

Array = NDArray[Any]

OPS = Ops()
HEADS, HEAD_SIZE = 3, 5
WIDTH = HEADS * HEAD_SIZE
LENGTHS = (7, 0, 2, 1, 0)
OFFSETS = np.cumsum([0, *LENGTHS])
SCALE: float = HEAD_SIZE**-0.5


def rows(n: int, dtype: str = "float32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, 3 * WIDTH)).astype(dtype)


def attend(
    qkv: Array, offsets: Any = OFFSETS, causal: bool = True, n_head: int = HEADS, cache: Any = None
) -> Array:
    return OPS.attention(qkv, np.asarray(offsets), n_head=n_head, causal=causal, scale=SCALE, cache=cache)


def tolerance(qkv: Array, n_keys: int) -> float:
    """Scores are sums of D products, outputs sums of S; a weight is wrong by twice what its score is."""
    norm = float(np.max(np.abs(qkv)))
    return (2 * HEAD_SIZE * SCALE * norm**2 + n_keys) * norm * float(np.finfo(qkv.dtype).eps)


def textbook(qkv: Array, *, causal: bool) -> Array:
    """One number after the other."""
    n = len(qkv)
    output = np.zeros((n, WIDTH))
    for head in range(HEADS):
        q, k, v = (part[:, head * HEAD_SIZE :][:, :HEAD_SIZE] for part in np.split(qkv, 3, axis=1))
        for t in range(n):
            seen = range(t + 1 if causal else n)
            exps = [math.exp(SCALE * sum(q[t, d] * k[s, d] for d in range(HEAD_SIZE))) for s in seen]
            for d in range(HEAD_SIZE):
                mixed = sum(e * v[s, d] for e, s in zip(exps, seen, strict=True))
                output[t, head * HEAD_SIZE + d] = mixed / sum(exps)
    return output


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_textbooks_formula(causal: bool, dtype: str) -> None:
    qkv = rows(7, dtype)
    result = attend(qkv, [0, 7], causal)
    assert result.dtype == dtype
    expected = textbook(qkv.astype("float64"), causal=causal)
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance(qkv, 7))


@pytest.mark.parametrize("causal", [True, False])
def test_packed_sequences_do_not_see_each_other(causal: bool) -> None:
    qkv = rows(10)
    together = attend(qkv, causal=causal)
    for begin, end in pairwise(OFFSETS):
        alone = attend(qkv[begin:end], [0, end - begin], causal)
        np.testing.assert_allclose(together[begin:end], alone, rtol=0, atol=tolerance(qkv, 7))


def test_a_later_row_changes_no_earlier_one_to_the_bit() -> None:
    qkv = rows(7)
    before = attend(qkv, [0, 7])
    for t in range(7):
        for value in (0, -5, 1e30):
            changed = qkv.copy()
            changed[t:] = value
            with np.errstate(over="ignore", invalid="ignore"):  # rows from t on may overflow
                after = attend(changed, [0, 7])
            np.testing.assert_array_equal(after[:t], before[:t])


def test_an_empty_batch_and_empty_sequences() -> None:
    for offsets in ([0], [0, 0], [0, 0, 0]):
        assert attend(rows(0), offsets).shape == (0, WIDTH)
        grad, _ = OPS.attention_backward(
            np.empty((0, WIDTH)), rows(0), np.array(offsets), n_head=HEADS, causal=True, scale=SCALE
        )
        assert grad.shape == (0, 3 * WIDTH)


@pytest.mark.parametrize("steps", [(1,) * 7, (7,), (5, 2), (2, 0, 1, 4)])
def test_rows_through_a_cache_are_rows_of_the_whole(steps: tuple[int, ...]) -> None:
    qkv = rows(7)
    whole = attend(qkv, [0, 7])
    cache = KVCache(1, 1, HEADS, HEAD_SIZE, capacity=7)
    for begin, end in pairwise(np.cumsum([0, *steps])):
        part = attend(qkv[begin:end], [0, end - begin], cache=cache.layers[0])
        cache.advance(np.array([end - begin]))
        np.testing.assert_allclose(part, whole[begin:end], rtol=0, atol=tolerance(qkv, 7))


def test_a_cache_keeps_sequences_of_mixed_lengths_apart() -> None:
    first, second = rows(5, seed=1), rows(3, seed=2)
    whole = [attend(first, [0, 5]), attend(second, [0, 3])]
    cache = KVCache(1, 2, HEADS, HEAD_SIZE, capacity=5)
    for a, b in ((slice(0, 4), slice(0, 1)), (slice(4, 5), slice(1, 3))):
        lengths = [a.stop - a.start, b.stop - b.start]
        packed = np.concatenate([first[a], second[b]])
        result = attend(packed, np.cumsum([0, *lengths]), cache=cache.layers[0])
        cache.advance(np.array(lengths))
        expected = np.concatenate([whole[0][a], whole[1][b]])
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance(packed, 5))


def test_a_full_cache_is_a_context_length_error_and_loses_nothing() -> None:
    cache = KVCache(1, 1, HEADS, HEAD_SIZE, capacity=3)
    attend(rows(3), [0, 3], cache=cache.layers[0])
    cache.advance(np.array([3]))
    before = cache.layers[0].keys.copy()
    with pytest.raises(ContextLengthError, match="has room for 3 positions, 4 are needed"):
        attend(rows(1), [0, 1], cache=cache.layers[0])
    np.testing.assert_array_equal(cache.layers[0].keys, before)


def test_what_does_not_fit_is_a_shape_error() -> None:
    cache = KVCache(1, 2, HEADS, HEAD_SIZE, capacity=3)
    with pytest.raises(
        ShapeError, match=r"qkv of shape \[N, 6 D\], for 2 heads of queries .*, got \(7, 45\)"
    ):
        attend(rows(7), [0, 7], n_head=2)
    with pytest.raises(ShapeError, match="n_kv_head must divide n_head, got 0 and 0"):
        attend(rows(7), [0, 7], n_head=0)
    with pytest.raises(ShapeError, match="expected qkv of shape"):
        attend(rows(7)[0], [0, 1])
    with pytest.raises(ShapeError, match="the cache holds 2 sequences, the batch 1"):
        attend(rows(3), [0, 3], cache=cache.layers[0])


@pytest.mark.parametrize("offsets", [[], [0], [0, 6], [0, 8], [1, 7], [0, 5, 3, 7], [-1, 7]])
def test_offsets_that_lose_rows_are_a_shape_error(offsets: list[int]) -> None:
    with pytest.raises(
        ShapeError, match=r"attention: offsets must rise from 0 to the number of rows, 7, got"
    ):
        attend(rows(7), np.array(offsets, "int32"))
