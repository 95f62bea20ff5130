"""Room in the cache of keys and values, and where rows go."""

from typing import Any

import numpy as np
import pytest

from hornbook.backend import KVCache, available_backends, use_backend
from hornbook.errors import ContextLengthError

LAYERS, SEQUENCES, HEADS, HEAD_SIZE, CAPACITY = 2, 3, 5, 7, 11


@pytest.fixture
def cache() -> KVCache:
    return KVCache(LAYERS, SEQUENCES, HEADS, HEAD_SIZE, CAPACITY)


def test_its_shape(cache: KVCache) -> None:
    assert len(cache.layers) == LAYERS
    for layer in cache.layers:
        assert layer.keys.shape == layer.values.shape == (SEQUENCES, HEADS, CAPACITY, HEAD_SIZE)
        assert layer.keys.dtype == layer.values.dtype == np.float32
    assert cache.lengths.tolist() == [0, 0, 0]


def test_rows_go_behind_the_filled_ones(cache: KVCache) -> None:
    rows = np.arange(5 * HEADS * HEAD_SIZE, dtype="float32").reshape(HEADS, 5, HEAD_SIZE)
    cache.layers[1].append(2, rows[:, :3], -rows[:, :3])
    cache.advance(np.array([0, 0, 3]))
    keys, values = cache.layers[1].append(2, rows[:, 3:], -rows[:, 3:])
    np.testing.assert_array_equal(keys, rows)
    np.testing.assert_array_equal(values, -rows)


def test_all_layers_share_the_lengths(cache: KVCache) -> None:
    cache.advance(np.array([1, 0, 2]))
    cache.advance(np.array([1, 0, 2]))
    for layer in cache.layers:
        assert layer.lengths.tolist() == [2, 0, 4]


def test_appending_does_not_advance(cache: KVCache) -> None:
    rows = np.ones((HEADS, 2, HEAD_SIZE), "float32")
    for layer in cache.layers:
        assert layer.append(0, rows, rows)[0].shape[1] == 2
    assert cache.lengths.tolist() == [0, 0, 0]


def test_room_is_counted_by_the_longest_sequence(cache: KVCache) -> None:
    cache.advance(np.array([0, 7, 3]))
    cache.check_room(np.array([11, 4, 8]))
    with pytest.raises(ContextLengthError, match="has room for 11 positions, 12 are needed; make it larger"):
        cache.check_room(np.array([1, 5, 1]))


def test_appending_beyond_the_room_writes_nothing(cache: KVCache) -> None:
    layer = cache.layers[0]
    layer.keys[:] = 0
    cache.advance(np.array([10, 0, 0]))
    rows = np.ones((HEADS, 2, HEAD_SIZE), "float32")
    with pytest.raises(ContextLengthError, match="has room for 11 positions, 12 are needed"):
        layer.append(0, rows, rows)
    assert not layer.keys.any()


def test_no_sequences() -> None:
    cache = KVCache(LAYERS, 0, HEADS, HEAD_SIZE, CAPACITY)
    cache.check_room(np.array([], "int32"))
    cache.advance(np.array([], "int32"))


@pytest.mark.parametrize("backend", available_backends())
def test_every_backend_makes_caches_that_its_attention_fills(backend: str) -> None:
    qkv = np.random.default_rng(0).standard_normal((8, 3 * HEADS * HEAD_SIZE)).astype("float32")
    options: dict[str, Any] = {"n_head": HEADS, "causal": True, "scale": 0.4}
    # 64 roundings of numbers below 4
    rounding: dict[str, Any] = {"rtol": 0, "atol": 64 * 4 * float(np.finfo("float32").eps)}
    with use_backend(backend) as ops:
        whole = ops.attention(qkv, np.array([0, 2, 4, 8]), **options)
        cache = ops.new_cache(LAYERS, SEQUENCES, HEADS, HEAD_SIZE, CAPACITY)
        assert len(cache.layers) == LAYERS
        for layer in cache.layers:
            first = ops.attention(qkv[[0, 2, 4, 5]], np.array([0, 1, 2, 4]), cache=layer, **options)
            np.testing.assert_allclose(first, whole[[0, 2, 4, 5]], **rounding)
        cache.advance(np.array([1, 1, 2]))
        for layer in cache.layers:
            rest = ops.attention(qkv[[1, 3, 6, 7]], np.array([0, 1, 2, 4]), cache=layer, **options)
            np.testing.assert_allclose(rest, whole[[1, 3, 6, 7]], **rounding)
        cache.advance(np.array([1, 1, 2]))
        cache.check_room(np.array([9, 9, 7]))
        with pytest.raises(ContextLengthError):
            cache.check_room(np.array([9, 9, 8]))
