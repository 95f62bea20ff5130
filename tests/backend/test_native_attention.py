"""Native attention against float64, with and without a cache, and its gradient."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

native = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

EPS = float(np.finfo(np.float32).eps)
# Empty, single, on both sides of a tile and of a block of 64 keys.
OFFSETS = np.array([0, 0, 1, 3, 66, 67, 210], np.int32)
SIZES = [1, 5, 16, 31, 64, 67]
N_HEAD = 3


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def heads(rows: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """`[T, parts * C] -> [parts, H, T, D]`."""
    size = rows.shape[1] // parts // N_HEAD
    return rows.reshape(len(rows), parts, N_HEAD, size).transpose(1, 2, 0, 3)


def weights_of(
    q: NDArray[np.float64], k: NDArray[np.float64], causal: bool, scale: float
) -> NDArray[np.float64]:
    scores = q @ k.swapaxes(1, 2) * scale
    if causal:
        scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
    scores = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
    return np.asarray(scores / scores.sum(-1, keepdims=True))


def expected_attention(qkv: NDArray[np.float32], causal: bool, scale: float) -> NDArray[np.float64]:
    out = np.empty((len(qkv), qkv.shape[1] // 3))
    for begin, end in pairwise(OFFSETS):
        q, k, v = heads(qkv[begin:end].astype(float), 3)
        out[begin:end] = (weights_of(q, k, causal, scale) @ v).swapaxes(0, 1).reshape(out[begin:end].shape)
    return out


def expected_gradient(
    grad: NDArray[np.float32], qkv: NDArray[np.float32], causal: bool, scale: float
) -> NDArray[np.float64]:
    dqkv = np.empty(qkv.shape)
    for begin, end in pairwise(OFFSETS):
        q, k, v = heads(qkv[begin:end].astype(float), 3)
        (d,) = heads(grad[begin:end].astype(float), 1)
        weights = weights_of(q, k, causal, scale)
        dweights = d @ v.swapaxes(1, 2)
        dscores = weights * (dweights - (weights * dweights).sum(-1, keepdims=True)) * scale
        parts = np.stack([dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ d])
        dqkv[begin:end] = parts.transpose(2, 0, 1, 3).reshape(dqkv[begin:end].shape)
    return dqkv


def tolerance(qkv: NDArray[np.float32], scale: float) -> float:
    """A score errs by D eps |q| |k| scale, its weight by that share, a sum of T values by T eps."""
    q, k, v = (np.abs(part).astype(float) for part in np.split(qkv, 3, axis=1))
    size = qkv.shape[1] // 3 // N_HEAD
    longest = int(np.max(np.diff(OFFSETS)))
    score_error = size * EPS * scale * float(q.max() * k.max()) * size
    return float((score_error + longest * EPS) * v.max())


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_attention(size: int, causal: bool) -> None:
    qkv, scale = normal(int(OFFSETS[-1]), 3 * N_HEAD * size), size**-0.5
    got = native.attention(qkv, OFFSETS, N_HEAD, causal, scale)
    assert np.max(np.abs(got - expected_attention(qkv, causal, scale))) <= tolerance(qkv, scale)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_attention_backward(size: int, causal: bool) -> None:
    n, c, scale = int(OFFSETS[-1]), N_HEAD * size, size**-0.5
    qkv, grad = normal(n, 3 * c), normal(n, c, seed=1)
    got = native.attention_backward(grad, qkv, OFFSETS, N_HEAD, causal, scale)
    bound = tolerance(qkv, scale) * float(np.abs(grad).max()) * size
    assert np.max(np.abs(got - expected_gradient(grad, qkv, causal, scale))) <= bound


@pytest.mark.parametrize("causal", [True, False])
def test_a_sequence_has_the_same_bits_alone_and_in_a_batch(causal: bool) -> None:
    qkv = normal(int(OFFSETS[-1]), 3 * N_HEAD * 31)
    grad = normal(int(OFFSETS[-1]), N_HEAD * 31, seed=1)
    whole = native.attention(qkv, OFFSETS, N_HEAD, causal, 0.2)
    whole_grad = native.attention_backward(grad, qkv, OFFSETS, N_HEAD, causal, 0.2)
    for begin, end in pairwise(OFFSETS):
        alone = np.array([0, end - begin])
        assert np.array_equal(native.attention(qkv[begin:end], alone, N_HEAD, causal, 0.2), whole[begin:end])
        got = native.attention_backward(grad[begin:end], qkv[begin:end], alone, N_HEAD, causal, 0.2)
        assert np.array_equal(got, whole_grad[begin:end])


def cached(qkv: NDArray[np.float32], steps: list[int], size: int, dtype: str) -> NDArray[np.float32]:
    """Attention of one sequence, `steps` rows at a time; unused memory of the cache holds NaN."""
    keys_shape, values_shape = native.cache_shapes(1, N_HEAD, len(qkv), size)
    keys, values = np.full(keys_shape, np.nan, dtype), np.full(values_shape, np.nan, dtype)
    parts, filled = [], 0
    for step in steps:
        rows = qkv[filled : filled + step]
        lengths = np.array([filled], np.int32)
        offsets = np.array([0, step])
        parts.append(native.attention_cached(rows, offsets, keys, values, lengths, N_HEAD, 0.2))
        filled += step
    return np.concatenate(parts)


@pytest.mark.parametrize("size", SIZES)
def test_a_cache_changes_no_bit(size: int) -> None:
    qkv = normal(149, 3 * N_HEAD * size)
    whole = native.attention(qkv, np.array([0, 149]), N_HEAD, True, 0.2)
    for steps in ([149], [1] * 149, [3, 61, 1, 1, 67, 0, 15, 1]):
        assert np.array_equal(cached(qkv, steps, size, "float32"), whole)


def test_half_cache() -> None:
    qkv = normal(149, 3 * N_HEAD * 31)
    q, kv = np.split(qkv, [N_HEAD * 31], axis=1)
    rounded = np.concatenate([q, kv.astype(np.float16).astype(np.float32)], axis=1)
    got = cached(qkv, [149], 31, "float16")
    assert np.array_equal(got, native.attention(rounded, np.array([0, 149]), N_HEAD, True, 0.2))
    assert np.array_equal(cached(qkv, [5, 1, 1, 70, 72], 31, "float16"), got)


def test_half_cache_rounds_like_numpy() -> None:
    values = np.array(
        [1e-8, 5.97e-8, 6.1e-5, 1 + 2**-11, 1 + 3 * 2**-11, 65519, 65520, -np.inf, np.nan], np.float32
    )
    qkv = np.zeros((len(values), 3 * N_HEAD), np.float32)
    qkv[:, 2 * N_HEAD :] = values[:, None]
    keys_shape, values_shape = native.cache_shapes(1, N_HEAD, len(values), 1)
    keys, stored = np.zeros(keys_shape, np.float16), np.zeros(values_shape, np.float16)
    native.attention_cached(qkv, np.array([0, len(values)]), keys, stored, np.zeros(1, np.int32), N_HEAD, 1.0)
    with np.errstate(over="ignore"):
        assert np.array_equal(stored[0, 0, : len(values), 0], values.astype(np.float16), equal_nan=True)


def test_sequences_of_a_cache_are_apart() -> None:
    size, lengths = 31, np.array([0, 5, 0], np.int32)
    keys_shape, values_shape = native.cache_shapes(3, N_HEAD, 40, size)
    keys, values = np.zeros(keys_shape, np.float32), np.zeros(values_shape, np.float32)
    first, second = normal(5, 3 * N_HEAD * size), normal(11, 3 * N_HEAD * size, seed=1)
    arguments = keys, values
    native.attention_cached(first, np.array([0, 0, 5, 5]), *arguments, np.zeros(3, np.int32), N_HEAD, 0.2)
    got = native.attention_cached(second, np.array([0, 4, 7, 11]), *arguments, lengths, N_HEAD, 0.2)
    alone = native.attention(np.concatenate([first, second[4:7]]), np.array([0, 8]), N_HEAD, True, 0.2)
    assert np.array_equal(got[4:7], alone[5:])
    assert np.array_equal(got[:4], native.attention(second[:4], np.array([0, 4]), N_HEAD, True, 0.2))


def test_later_rows_cannot_harm_earlier_ones() -> None:
    qkv = normal(79, 3 * N_HEAD * 31)
    clean = native.attention(qkv, np.array([0, 79]), N_HEAD, True, 0.2)
    qkv[71:] = np.inf
    spoilt = native.attention(qkv, np.array([0, 79]), N_HEAD, True, 0.2)
    assert np.array_equal(spoilt[:71], clean[:71])
    assert np.all(np.isnan(spoilt[71:]))


def test_large_scores_do_not_overflow() -> None:
    qkv = normal(67, 3 * N_HEAD * 16) * np.float32(100)
    got = native.attention(qkv, np.array([0, 67]), N_HEAD, True, 1.0)
    assert np.all(np.isfinite(got))
    assert np.array_equal(got[0], qkv[0, 2 * N_HEAD * 16 :])  # the first row sees itself alone
