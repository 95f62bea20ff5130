"""Attention with heads that share keys and values and with a bias by distance, on every backend.

Its values and gradients are those of a loop over single rows in tests/tensor/test_operations.py.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import Ops, available_backends, use_backend
from hornbook.errors import ConfigError, ShapeError

Array = NDArray[Any]

HEADS, SHARED, SIZE = 6, 2, 5
WIDTH = (HEADS + 2 * SHARED) * SIZE
OPTIONS: dict[str, Any] = {"n_head": HEADS, "n_kv_head": SHARED, "scale": 0.4}
LENGTHS = [1, 0, 67, 5, 131, 3]
OFFSETS = np.cumsum([0, *LENGTHS], dtype=np.int32)


@pytest.fixture(params=available_backends())
def ops(request: pytest.FixtureRequest) -> Iterator[Ops]:
    with use_backend(request.param) as backend:
        yield backend


@pytest.fixture(params=[None, 1, 7, 401], ids=["no bias", "one", "near", "everywhere"])
def bias(request: pytest.FixtureRequest) -> Array | None:
    return None if request.param is None else draw(HEADS, request.param, seed=2)


def draw(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_same(ops: Ops, ours: Array, theirs: Array) -> None:
    """To the bit on kernels; NumPy's products depend on the number of rows."""
    if ops.name == "native":
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_a_sequence_alone_is_a_sequence_in_company(ops: Ops, bias: Array | None, causal: bool) -> None:
    qkv = draw(OFFSETS[-1], WIDTH)
    together = ops.attention(qkv, OFFSETS, bias, causal=causal, **OPTIONS)
    for begin, end in pairwise(OFFSETS):
        whole = np.array([0, end - begin], np.int32)
        alone = ops.attention(qkv[begin:end], whole, bias, causal=causal, **OPTIONS)
        assert_same(ops, alone, together[begin:end])


@pytest.mark.parametrize("cuts", [[0, 131], [0, 1, 2, 3, 50, 131], [0, 64, 130, 131], [0, 17, 131]])
def test_a_cache_gives_the_rows_of_the_whole(ops: Ops, bias: Array | None, cuts: list[int]) -> None:
    qkv = draw(131, WIDTH)
    whole = ops.attention(qkv, np.array([0, 131]), bias, causal=True, **OPTIONS)
    cache = ops.new_cache(1, 1, SHARED, SIZE, capacity=131)
    for begin, end in pairwise(cuts):
        offsets = np.array([0, end - begin], np.int32)
        part = ops.attention(qkv[begin:end], offsets, bias, causal=True, cache=cache.layers[0], **OPTIONS)
        cache.advance(np.array([end - begin]))
        assert_same(ops, part, whole[begin:end])


def test_shared_heads_are_repeated_heads(ops: Ops) -> None:
    """Each head of keys and values stands for three neighbouring ones."""
    qkv = draw(OFFSETS[-1], WIDTH)
    parts = np.split(qkv.reshape(-1, HEADS + 2 * SHARED, SIZE), [HEADS, HEADS + SHARED], axis=1)
    repeated = np.concatenate([parts[0], *(np.repeat(part, 3, axis=1) for part in parts[1:])], axis=1)
    ours = ops.attention(qkv, OFFSETS, causal=True, **OPTIONS)
    theirs = ops.attention(
        repeated.reshape(len(qkv), -1), OFFSETS, n_head=HEADS, causal=True, scale=OPTIONS["scale"]
    )
    assert_same(ops, ours, theirs)


def test_a_bias_of_zeros_and_a_constant_one_change_nothing(ops: Ops) -> None:
    qkv = draw(OFFSETS[-1], WIDTH)
    plain = ops.attention(qkv, OFFSETS, causal=False, **OPTIONS)
    zeros = ops.attention(qkv, OFFSETS, np.zeros((HEADS, 3), "f"), causal=False, **OPTIONS)
    assert_same(ops, zeros, plain)
    constant = ops.attention(qkv, OFFSETS, np.full((HEADS, 3), 0.5, "f"), causal=False, **OPTIONS)
    np.testing.assert_allclose(constant, plain, rtol=0, atol=1e-5)


def test_the_buckets_of_t5_are_a_bias_by_distance(ops: Ops) -> None:
    """Bidirectional buckets as T5 and MPNet number them: half for each direction, logarithmic from 8 on."""

    def bucket(distance: int) -> int:
        first, size = (16 if distance > 0 else 0), abs(distance)
        far = 8 + int(np.log(max(size, 1) / 8) / np.log(128 / 8) * 8)
        return first + (size if size < 8 else min(far, 15))

    table = draw(32, HEADS, seed=3)
    by_distance = np.stack([table[bucket(d)] for d in range(-128, 129)], axis=1)
    qkv = draw(300, WIDTH)
    ours = ops.attention(qkv, np.array([0, 300]), by_distance, causal=False, **OPTIONS)
    everywhere = np.stack([table[bucket(d)] for d in range(-299, 300)], axis=1)
    theirs = ops.attention(qkv, np.array([0, 300]), everywhere, causal=False, **OPTIONS)
    np.testing.assert_array_equal(ours, theirs)


def test_what_does_not_fit_is_a_shape_error(ops: Ops) -> None:
    qkv, offsets = draw(7, WIDTH), np.array([0, 7])
    for bias in (draw(HEADS, 4), draw(SHARED, 5), draw(5)):
        with pytest.raises(ShapeError, match="bias of shape"):
            ops.attention(qkv, offsets, bias, causal=True, **OPTIONS)
    with pytest.raises(ShapeError, match="n_kv_head must divide n_head, got 4 and 6"):
        ops.attention(qkv, offsets, n_head=6, n_kv_head=4, causal=True, scale=1.0)
    with pytest.raises(ShapeError, match="6 heads of queries and"):
        ops.attention(qkv[:, :-1], offsets, causal=True, **OPTIONS)


def test_a_cache_is_causal(ops: Ops) -> None:
    cache = ops.new_cache(1, 1, SHARED, SIZE, capacity=7)
    with pytest.raises(ConfigError, match="it needs causal=True"):
        ops.attention(draw(7, WIDTH), np.array([0, 7]), causal=False, cache=cache.layers[0], **OPTIONS)
