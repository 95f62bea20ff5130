"""The native matrix products against float64, and their bits against each other."""

import numpy as np
import pytest
from numpy.typing import NDArray

native = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

EPS = float(np.finfo(np.float32).eps)
# From nothing to twice the widest vector, and distinct primes on both sides of a panel (16), a block (256)
# and the limit of the few-rows path (8).
SHAPES = [
    (0, 3, 5),
    (3, 0, 5),
    (3, 5, 0),
    (1, 1, 1),
    (2, 31, 33),
    (7, 257, 17),
    (8, 13, 71),
    (9, 521, 67),
    (61, 307, 53),
]
DTYPES = ["float32", "bfloat16", "int8"]


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def product_tolerance(x: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float64]:
    """A chain of K additions errs by at most K eps sum |x w|."""
    size = np.abs(x.astype(float)) @ np.abs(weight.astype(float))
    return np.asarray((x.shape[-1] + 2) * EPS * size + EPS)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("n", "k", "m"), SHAPES)
def test_linear_is_the_product_with_the_unpacked_weight(n: int, k: int, m: int, dtype: str) -> None:
    x, weight = normal(n, k), normal(k, m, seed=1)
    packed = native.pack(weight, dtype)
    seen = packed.unpack()
    expected = x.astype(float) @ seen.astype(float)
    assert packed.shape == (k, m)
    assert packed.dtype == dtype
    got = native.linear(x, packed)
    assert got.shape == (n, m)
    assert got.dtype == np.float32
    assert np.all(np.abs(got - expected) <= product_tolerance(x, seen))


@pytest.mark.parametrize(("n", "k", "m"), SHAPES)
def test_int8_linear_errs_by_the_rounding_of_its_activations(n: int, k: int, m: int) -> None:
    x, weight = normal(n, k), normal(k, m, seed=1)
    packed = native.pack(weight, "int8")
    seen = packed.unpack()
    # Activations are whole multiples of max|x| / 32767, so each errs by at most half of that.
    largest = np.max(np.abs(x), axis=1, initial=0)[:, None]
    bound = largest / 32767 * 0.51 * np.sum(np.abs(seen), axis=0, dtype=float) + product_tolerance(x, seen)
    assert np.all(np.abs(native.linear(x, packed) - x.astype(float) @ seen) <= bound)


@pytest.mark.parametrize(("k", "m"), [(0, 5), (1, 1), (257, 17), (521, 67)])
def test_unpacked_weights_err_by_the_precision_of_their_type(k: int, m: int) -> None:
    weight = normal(k, m)
    assert np.array_equal(native.pack(weight).unpack(), weight)
    rounded = native.pack(weight, "bfloat16").unpack()
    assert np.all(np.abs(rounded - weight) <= 2.0**-8 * np.abs(weight))  # 8 significant bits, to nearest
    quantised = native.pack(weight, "int8").unpack()
    for first in range(0, k, 256):
        block = slice(first, first + 256)
        step = np.max(np.abs(weight[block]), axis=0) / 127
        assert np.all(np.abs(quantised[block] - weight[block]) <= step * 0.5001)


def test_bfloat16_rounds_ties_to_even_and_keeps_special_values() -> None:
    one, step = np.float32(1), np.float32(2.0**-7)  # neighbours of 1 in bfloat16 are 2^-7 apart
    values = np.array([[one + step / 2, one + 3 * step / 2, np.inf, -np.inf, np.nan, -0.0]], np.float32)
    got = native.pack(values, "bfloat16").unpack()[0]
    assert got[0] == one
    assert got[1] == one + 2 * step
    assert got[2] == np.inf
    assert got[3] == -np.inf
    assert np.isnan(got[4])
    assert np.signbit(got[5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_of_a_packed_weight(dtype: str) -> None:
    bytes_each = {"float32": 4, "bfloat16": 2, "int8": 1 + 4 / 256}[dtype]
    assert native.pack(normal(768, 64), dtype).nbytes == 768 * 64 * bytes_each


@pytest.mark.parametrize("dtype", DTYPES)
def test_strided_views_pack_like_their_copies(dtype: str) -> None:
    table = normal(67, 2 * 131)[:, ::2]
    for view in (table, table.T, table[::-1], table.T[:, ::-1]):
        copy = np.ascontiguousarray(view)
        assert np.array_equal(native.pack(view, dtype).unpack(), native.pack(copy, dtype).unpack())


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_a_packed_table_are_its_columns(dtype: str) -> None:
    packed = native.pack(normal(41, 67).T.copy().T, dtype)
    ids = np.array([0, 66, 3, 3], np.int32)
    assert np.array_equal(packed.rows(ids), packed.unpack().T[ids])
    assert packed.rows(ids[:0]).shape == (0, 41)
    with pytest.raises(ValueError, match=r"0\.\.66, got 67"):
        packed.rows(np.array([67]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["none", "relu", "silu", "gelu", "gelu_tanh"])
def test_bias_activation_and_residual_follow_in_this_order(kind: str, dtype: str) -> None:
    x, bias, residual = normal(11, 37), normal(53, seed=2), normal(11, 53, seed=3)
    packed = native.pack(normal(37, 53, seed=1), dtype)
    plain = native.linear(x, packed)
    expected = native.activation(plain + bias, kind) + residual
    for n in (11, 3):
        assert np.array_equal(native.linear(x[:n], packed, bias, residual[:n], kind), expected[:n])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(dtype: str) -> None:
    x, bias = normal(61, 521), normal(67, seed=2)
    packed = native.pack(normal(521, 67, seed=1), dtype)
    whole = native.linear(x, packed, bias, activation="gelu_tanh")
    for size in (1, 2, 3, 8, 9, 13, 29):
        parts = [
            native.linear(x[i : i + size], packed, bias, activation="gelu_tanh") for i in range(0, 61, size)
        ]
        assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("n", [0, 1, 7, 23])
def test_unpacked_weights_give_the_bits_of_packed_ones(n: int) -> None:
    x, weight, bias, residual = normal(n, 521), normal(521, 67, seed=1), normal(67), normal(n, 67, seed=2)
    packed = native.pack(weight)
    assert np.array_equal(native.matmul(x, weight), native.linear(x, packed))
    expected = native.linear(x, packed, bias, residual, "gelu")
    assert np.array_equal(native.linear(x, weight, bias, residual, "gelu"), expected)
    assert np.array_equal(native.linear(x, weight.T.copy().T, bias, residual, "gelu"), expected)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize(("m", "k", "n"), [*SHAPES, (271, 19, 37)])
def test_matmul(m: int, k: int, n: int, transpose_a: bool, transpose_b: bool) -> None:
    a, b = normal(m, k), normal(k, n, seed=1)
    left = np.ascontiguousarray(a.T) if transpose_a else a
    right = np.ascontiguousarray(b.T) if transpose_b else b
    got = native.matmul(left, right, transpose_a=transpose_a, transpose_b=transpose_b)
    assert np.all(np.abs(got - a.astype(float) @ b) <= product_tolerance(a, b))


def test_matmul_accumulates_and_reads_any_strides() -> None:
    a, b, start = normal(29, 2 * 31)[::-1, ::2], normal(37, 31, seed=1).T, normal(29, 37, seed=2)
    out = start.copy()
    assert native.matmul(a, b, out=out, accumulate=True) is out
    expected = start + a.astype(float) @ b
    assert np.all(np.abs(out - expected) <= product_tolerance(a, b) + 31 * EPS * np.abs(start))
    broadcast = np.broadcast_to(a[:1], a.shape)  # stride 0
    assert np.array_equal(native.matmul(broadcast, b), native.matmul(broadcast.copy(), b))


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_and_nan_reach_the_result(dtype: str) -> None:
    packed = native.pack(np.abs(normal(37, 19)) + 1, dtype)
    x = normal(3, 37)
    x[1, 5], x[2, 7] = np.inf, np.nan
    got = native.linear(x, packed)
    assert np.all(np.isfinite(got[0]))
    assert not np.any(np.isfinite(got[1:]))


def test_leading_axes_are_kept() -> None:
    x, packed = normal(2, 3, 37), native.pack(normal(37, 19, seed=1))
    assert np.array_equal(native.linear(x, packed).reshape(6, 19), native.linear(x.reshape(6, 37), packed))
    assert native.linear(x[0, 0], packed).shape == (19,)
