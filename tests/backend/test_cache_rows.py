"""Sequences of a cache that are reset, copied and reordered, on every backend."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import KVCache, Ops, available_backends, use_backend
from hornbook.errors import ShapeError

Array = NDArray[Any]

HEADS, SIZE, CAPACITY, LAYERS = 3, 5, 41, 2
COUNTS = [17, 1, 0, 33]
OPTIONS: dict[str, Any] = {"n_head": HEADS, "causal": True, "scale": 0.4}


@pytest.fixture(params=available_backends())
def ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    with use_backend(request.param) as backend:
        yield backend


def rows(n: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((n, 3 * HEADS * SIZE)).astype(np.float32)


def read(ops: Ops, cache: KVCache, sequences: list[Array]) -> list[list[Array]]:
    """Reads new rows of each sequence in every layer; the results by sequence and layer."""
    counts = np.array([len(sequence) for sequence in sequences], np.int32)
    offsets = np.cumsum([0, *counts], dtype=np.int32)
    packed = np.concatenate(sequences)
    outputs = [ops.attention(packed, offsets, cache=layer, **OPTIONS) for layer in cache.layers]
    cache.advance(counts)
    return [list(parts) for parts in zip(*(np.split(x, offsets[1:-1]) for x in outputs), strict=True)]


@pytest.fixture
def texts() -> list[Array]:
    """What was read of each sequence."""
    return [rows(n, seed) for seed, n in enumerate(COUNTS)]


@pytest.fixture
def cache(ops: Ops, texts: list[Array]) -> KVCache:
    cache = ops.new_cache(LAYERS, len(COUNTS), HEADS, SIZE, CAPACITY)
    for layer in cache.layers:
        layer.keys[:], layer.values[:] = np.nan, np.nan  # what was never written must never be read
    read(ops, cache, texts)
    return cache


def assert_continues(ops: Ops, cache: KVCache, texts: list[Array]) -> None:
    """Each sequence goes on as if its text had been read at once."""
    assert cache.lengths.tolist() == [len(text) for text in texts]
    assert all(layer.lengths is cache.lengths for layer in cache.layers)
    following = [rows(3, 10 + i) for i in range(len(texts))]
    for text, more, results in zip(texts, following, read(ops, cache, following), strict=True):
        whole = np.concatenate([text, more])
        expected = ops.attention(whole, np.array([0, len(whole)], np.int32), **OPTIONS)[len(text) :]
        for result in results:
            np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sequences", [[0], [3, 1], [], np.array([2, 0])])
def test_reset(ops: Ops, cache: KVCache, texts: list[Array], sequences: Any) -> None:
    cache.reset(sequences)
    assert_continues(ops, cache, [text[:0] if i in sequences else text for i, text in enumerate(texts)])


def test_reset_all(ops: Ops, cache: KVCache, texts: list[Array]) -> None:
    cache.reset()
    assert_continues(ops, cache, [text[:0] for text in texts])


@pytest.mark.parametrize(("source", "target"), [(0, 3), (3, 0), (1, 2), (2, 3), (1, 1)])
def test_copy(ops: Ops, cache: KVCache, texts: list[Array], source: int, target: int) -> None:
    cache.copy(source, target)
    texts[target] = texts[source]
    assert_continues(ops, cache, texts)


@pytest.mark.parametrize("indices", [[1, 0, 3, 2], [3, 3, 0, 0], [2, 2, 2, 2], np.array([1, 2, 3, 0])])
def test_reorder(ops: Ops, cache: KVCache, texts: list[Array], indices: Any) -> None:
    cache.reorder(indices)
    assert_continues(ops, cache, [texts[i] for i in indices])


def test_nothing_to_reorder(ops: Ops) -> None:
    empty = ops.new_cache(LAYERS, 0, HEADS, SIZE, CAPACITY)
    empty.reorder([])
    empty.reset()


def test_sequences_that_do_not_exist(cache: KVCache) -> None:
    with pytest.raises(ShapeError, match=r"cache: expected sequences in 0\.\.3, got \[4\]"):
        cache.reset([4])
    with pytest.raises(ShapeError, match=r"cache: expected sequences in 0\.\.3, got \[-1, 0\]"):
        cache.copy(-1, 0)
    with pytest.raises(ShapeError, match=r"cache: expected sequences in 0\.\.3, got \[0, 1, 2, 4\]"):
        cache.reorder([0, 1, 2, 4])
    with pytest.raises(ShapeError, match="reorder expects an index for each of 4 sequences, got 3"):
        cache.reorder([0, 1, 2])
    assert cache.lengths.tolist() == COUNTS
