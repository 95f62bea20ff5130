"""The other native kernels against float64: rows, elements, look-up, pooling, loss, optimiser."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

native = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

EPS = float(np.finfo(np.float32).eps)
SIZES = [1, 2, 3, 4, 7, 8, 13, 16, 17, 31, 32, 33, 67, 257]
KINDS = ["none", "relu", "silu", "gelu", "gelu_tanh"]


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def close(got: NDArray[np.float32], expected: NDArray[np.float64], n: float, scale: float = 1) -> bool:
    """Within n roundings of numbers as large as `scale`."""
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    return bool(
        np.all(np.abs(got - expected) <= n * EPS * max(scale, float(np.max(np.abs(expected), initial=0))))
    )


# Elementary functions


@pytest.mark.parametrize(
    ("name", "exact", "low", "high", "ulps"),
    [
        ("exp", math.exp, -87.3, 88.7, 1.1),
        ("exp", math.exp, -103.9, -87.4, 1.1),
        ("tanh", math.tanh, -9.5, 9.5, 1.3),
        ("erf", math.erf, -4.2, 4.2, 1.3),
    ],
)
def test_elementary_functions_are_accurate(
    name: str, exact: Callable[[float], float], low: float, high: float, ulps: float
) -> None:
    x = np.linspace(low, high, 200_003, dtype=np.float32)
    expected = np.array([exact(float(value)) for value in x])
    unit = np.spacing(np.abs(expected).astype(np.float32)).astype(float)  # covers denormal numbers too
    assert np.max(np.abs(getattr(native, name)(x) - expected) / unit) <= ulps


@pytest.mark.parametrize("name", ["exp", "tanh", "erf"])
def test_elementary_functions_at_their_ends(name: str) -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-38, -1e-30], np.float32)
    low = 0.0 if name == "exp" else -1.0
    high = np.inf if name == "exp" else 1.0
    got = getattr(native, name)(x)
    near_zero = (
        [1.0, 1.0] if name == "exp" else [x[7] * (2 / math.sqrt(math.pi) if name == "erf" else 1), None]
    )
    assert got[[2, 5]].tolist() == [high, high]
    assert got[[3, 6]].tolist() == [low, low]
    assert np.isnan(got[4])
    assert got[7] == pytest.approx(near_zero[0], rel=4 * EPS)
    assert got[0] == (1.0 if name == "exp" else 0.0)
    assert name == "exp" or np.signbit(got[1])


def activation64(x: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    erf = np.vectorize(math.erf, otypes=[float])
    forms: dict[str, Callable[[], Any]] = {
        "none": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "silu": lambda: x / (1 + np.exp(-x)),
        "gelu": lambda: x / 2 * (1 + erf(x / math.sqrt(2))),
        "gelu_tanh": lambda: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    }
    return np.asarray(forms[kind]())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, *SIZES])
def test_activation_and_its_derivative(n: int, kind: str) -> None:
    x, grad = normal(n) * np.float32(3), normal(n, seed=1)
    exact = x.astype(float)
    assert close(native.activation(x, kind), activation64(exact, kind), 4)
    step = 1e-5
    slope = (activation64(exact + step, kind) - activation64(exact - step, kind)) / (2 * step)
    got = native.activation_backward(grad, x, kind)
    assert np.all(np.abs(got - grad * slope) <= 16 * EPS * np.abs(grad) + 1e-8)
    in_place = x.copy()
    assert native.activation(in_place, kind, out=in_place) is in_place
    assert np.array_equal(in_place, native.activation(x, kind))


# Rows


@pytest.mark.parametrize("c", SIZES)
def test_layer_norm(c: int) -> None:
    x, weight, bias = normal(5, c) + np.float32(3), normal(c, seed=1), normal(c, seed=2)
    exact = x.astype(float)
    centred = exact - exact.mean(1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    expected = centred / deviation * weight + bias
    # The mean errs by a few roundings of numbers near 3 + 3, which the division by the deviation enlarges.
    scale = float(np.max(10 / deviation) * max(1, np.max(np.abs(weight))))
    assert close(native.layer_norm(x, weight, bias, 1e-5), expected, 4 + math.log2(c + 1), scale)


@pytest.mark.parametrize("c", SIZES)
@pytest.mark.parametrize("n", [0, 1, 67, 131])
def test_layer_norm_backward(n: int, c: int) -> None:
    x, weight, grad = normal(n, c), normal(c, seed=1), normal(n, c, seed=2)
    exact = x.astype(float)
    centred = exact - exact.mean(1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(1, keepdims=True) + 1e-2)
    normalised = centred / deviation
    d = grad.astype(float) * weight
    dx = (d - d.mean(1, keepdims=True) - normalised * (d * normalised).mean(1, keepdims=True)) / deviation
    got = native.layer_norm_backward(grad, x, weight, 1e-2)
    assert close(got[0], dx, 32, float(np.max(1 / deviation, initial=1)) * 10)
    assert close(got[1], (grad * normalised).sum(0), n + 16, 10)
    assert close(got[2], grad.sum(0, dtype=float), n + 1, 10)
    assert close(native.sum_rows(grad), grad.sum(0, dtype=float), n + 1, 10)
    assert np.array_equal(native.sum_rows(grad), got[2])


@pytest.mark.parametrize("c", SIZES)
def test_softmax(c: int) -> None:
    x, grad = normal(5, c) * np.float32(4), normal(5, c, seed=1)
    exact = np.exp(x.astype(float) - x.max(1, keepdims=True))
    exact /= exact.sum(1, keepdims=True)
    assert close(native.softmax(x), exact, 16)
    assert close(native.log_softmax(x), np.log(exact), 16)
    y = exact.astype(np.float32)
    dx = exact * (grad - (grad * exact).sum(1, keepdims=True))
    assert close(native.softmax_backward(grad, y), dx, 16 + c)
    log_dx = grad - exact * grad.sum(1, keepdims=True, dtype=float)
    assert close(native.log_softmax_backward(grad, np.log(exact).astype(np.float32)), log_dx, 32 + c)


def test_softmax_of_special_rows() -> None:
    x = np.array([[-np.inf, 0, -np.inf], [1e30, 0, -1e30], [np.nan, 0, 1]], np.float32)
    got = native.softmax(x)
    assert got[:2].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert np.all(np.isnan(got[2]))
    assert native.softmax(np.empty((3, 0), np.float32)).shape == (3, 0)


def test_rows_have_the_same_bits_alone() -> None:
    x, weight, bias = normal(61, 521), normal(521, seed=1), normal(521, seed=2)
    for kernel in (
        lambda rows: native.layer_norm(rows, weight, bias, 1e-5),
        lambda rows: native.layer_norm_backward(rows, rows, weight, 1e-5)[0],
        native.softmax,
        native.log_softmax,
    ):
        whole = kernel(x)
        assert np.array_equal(np.concatenate([kernel(x[i : i + 1]) for i in range(61)]), whole)


# Look-up and pooling


def test_embedding_and_its_gradient() -> None:
    table, ids = normal(67, 131), np.array([3, 66, 3, 0, 3], np.int64)
    assert np.array_equal(native.embedding(table, ids), table[ids])
    assert native.embedding(table, ids[:0]).shape == (0, 131)
    grad = normal(5, 131, seed=1)
    expected = np.zeros_like(table)
    for row, index in zip(grad, ids, strict=True):  # in the order of the rows, so even the bits agree
        expected[index] += row
    assert np.array_equal(native.embedding_backward(grad, ids, 67), expected)


@pytest.mark.parametrize("c", [1, 17, 67])
def test_segment_sum(c: int) -> None:
    offsets = np.array([0, 0, 1, 8, 31])
    x, weights = normal(31, c), normal(31, seed=1)
    expected = np.array([np.zeros(c), *(x[a:b].sum(0, dtype=float) for a, b in ((0, 1), (1, 8), (8, 31)))])
    assert close(native.segment_sum(x, offsets), expected, 31, 5)
    weighted = weights[:, None].astype(float) * x
    expected = np.array([weighted[a:b].sum(0) for a, b in pairwise(offsets)])
    assert close(native.segment_sum(x, offsets, weights), expected, 31, 5)


@pytest.mark.parametrize(("v", "k"), [(1, 1), (5, 0), (5, 9), (67, 3), (1009, 50), (131, 131)])
def test_top_k(v: int, k: int) -> None:
    scores = np.round(normal(7, v) * 4).astype(np.float32)  # many ties
    scores[1, v // 2] = np.nan
    scores[2] = np.nan
    scores[3] = -np.inf
    values, ids = native.top_k(scores, k)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert np.array_equal(ids, expected)
    assert np.array_equal(values, np.take_along_axis(scores, expected, 1), equal_nan=True)


# Training


@pytest.mark.parametrize(("n", "v", "c"), [(0, 5, 3), (1, 1, 1), (13, 67, 31), (300, 53, 17)])
def test_cross_entropy_and_its_gradients(n: int, v: int, c: int) -> None:
    x, table, grad = normal(n, c), normal(v, c, seed=1), normal(n, seed=2)
    targets = np.random.default_rng(3).integers(-1, v, n)
    logits = x.astype(float) @ table.T.astype(float)
    probabilities = np.exp(logits - logits.max(1, keepdims=True, initial=-np.inf))
    probabilities /= probabilities.sum(1, keepdims=True)
    counted, rows = targets >= 0, np.arange(n)
    expected = np.where(counted, -np.log(probabilities[rows, targets]), 0)
    losses, dx, dtable = native.cross_entropy_with_gradients(x, table, targets, grad)
    assert close(losses, expected, 16 + c, 10)
    assert np.array_equal(native.cross_entropy(x, table, targets), losses)
    dlogits = probabilities.copy()
    dlogits[rows, targets] -= 1
    dlogits *= np.where(counted, grad, 0)[:, None]
    assert close(dx, dlogits @ table, 64 + c + v, 5)
    assert close(dtable, dlogits.T @ x, 64 + c + n, 5)


def test_losses_have_the_same_bits_alone() -> None:
    x, table, targets = normal(13, 31), normal(67, 31, seed=1), np.arange(13)
    whole = native.cross_entropy(x, table, targets)
    for i in range(13):
        assert native.cross_entropy(x[i : i + 1], table, targets[i : i + 1])[0] == whole[i]


@pytest.mark.parametrize("n", [0, 1, 17, 20011])
def test_adamw_is_its_formula(n: int) -> None:
    parameter, m, v, grad = normal(n), normal(n, seed=1), np.abs(normal(n, seed=2)), normal(n, seed=3)
    rate, beta1, beta2, eps, decay, step, scale = 1e-2, 0.9, 0.999, 1e-8, 0.1, 3, 0.5
    g = grad.astype(float) * scale
    new_m = beta1 * m.astype(float) + (1 - beta1) * g
    new_v = beta2 * v.astype(float) + (1 - beta2) * g**2
    update = new_m / (1 - beta1**step) / (np.sqrt(new_v / (1 - beta2**step)) + eps)
    expected = parameter * (1 - rate * decay) - rate * update
    native.adamw(
        parameter, m, v, grad, learning_rate=rate, beta1=beta1, beta2=beta2, eps=eps, weight_decay=decay,
        step=step, grad_scale=scale,
    )  # fmt: skip
    assert close(m, new_m, 4)
    assert close(v, new_v, 4)
    assert np.all(
        np.abs(parameter - expected) <= 4 * EPS * np.abs(expected) + 16 * EPS * rate * np.abs(update)
    )


@pytest.mark.parametrize("n", [0, 1, 33, 40009])
def test_squared_norm(n: int) -> None:
    x = normal(n)
    assert native.squared_norm(x) == pytest.approx(float(np.sum(x.astype(float) ** 2)), rel=16 * EPS)
