"""Operations that have conventions, against what torch computes (tests/golden/make_ops.py)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import Activation, Ops
from hornbook.tensor import Tensor

Array = NDArray[Any]

GOLDENS = np.load(Path(__file__).parent.parent / "golden" / "ops.npz")
OPS = Ops()

pytestmark = pytest.mark.parametrize("dtype", ["float32", "float64"])


def golden(operation: str, dtype: str) -> dict[str, Array]:
    prefix = f"{operation}.{dtype}."
    return {key.removeprefix(prefix): GOLDENS[key] for key in GOLDENS if key.startswith(prefix)}


def assert_near(actual: Array, expected: Array, *, n: float, norm: float | Array = 1.0) -> None:
    """Equal but for n roundings of numbers as large as `norm`."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    tolerance = n * np.finfo(expected.dtype).eps * norm
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    distance = np.abs(np.where(finite, actual, 0) - np.where(finite, expected, 0))
    assert np.all(distance <= tolerance), f"{np.max(distance / tolerance)} times too far"


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "silu"])
def test_activations(kind: Activation, dtype: str) -> None:
    g = golden(kind, dtype)
    x, dy = g["x"], g["dy"]
    size = np.maximum(1, np.abs(x))  # x times a chance that is itself right to a few eps
    assert_near(OPS.activation(x, kind=kind), g["y"], n=4, norm=size)
    # Between -9 and 9 the slope of gelu_tanh multiplies 1 - tanh^2 with terms up to x^3 / 28.
    inner = np.where(size < 10, size**3 / 4, size)
    assert_near(OPS.activation_backward(dy, x, kind=kind), g["dx"], n=4, norm=inner * np.abs(dy))


@pytest.mark.parametrize(("name", "axis"), [("softmax_last", -1), ("softmax_middle", 1)])
def test_softmax(name: str, axis: int, dtype: str) -> None:
    g = golden(name, dtype)
    y = OPS.softmax(g["x"], axis=axis)
    assert_near(y, g["y"], n=24)  # exponents down to -20 that matter, each rounded
    assert_near(OPS.softmax_backward(g["dy"], y, axis=axis), g["dx"], n=48, norm=np.abs(g["dy"]).max())


def test_log_softmax(dtype: str) -> None:
    g = golden("log_softmax", dtype)
    y = OPS.log_softmax(g["x"])
    largest = np.max(np.abs(g["x"]), axis=-1, keepdims=True, where=np.isfinite(g["x"]), initial=1)
    assert_near(y, g["y"], n=4, norm=largest)
    norm = np.abs(g["dy"]).sum(-1, keepdims=True)
    assert_near(OPS.log_softmax_backward(g["dy"], y), g["dx"], n=48, norm=norm)


@pytest.mark.parametrize(("name", "eps"), [("layer_norm_1e5", 1e-5), ("layer_norm_1e3", 1e-3)])
def test_layer_norm(name: str, eps: float, dtype: str) -> None:
    g = golden(name, dtype)
    n = g["x"].shape[-1] + 5
    assert_near(OPS.layer_norm(g["x"], g["weight"], g["bias"], eps=eps), g["y"], n=n, norm=4)
    results = OPS.layer_norm_backward(g["dy"], g["x"], g["weight"], eps=eps)
    for result, expected in zip(results, (g["dx"], g["dweight"], g["dbias"]), strict=True):
        assert_near(result, expected, n=n, norm=np.abs(expected).max())


def test_cross_entropy_of_logits(dtype: str) -> None:
    g = golden("cross_entropy", dtype)
    table = np.eye(11, dtype=dtype)
    losses = OPS.cross_entropy(g["x"], table, g["targets"])
    assert_near(losses, g["y"], n=11, norm=np.abs(g["x"]).max())
    assert_near(losses.mean(where=g["targets"] >= 0), g["mean"], n=18, norm=losses.max())
    dx, _ = OPS.cross_entropy_backward(g["dy"], g["x"], table, g["targets"])
    assert_near(dx, g["dx"], n=22, norm=np.abs(g["dy"]).max())


def test_cross_entropy_of_hidden_states(dtype: str) -> None:
    g = golden("cross_entropy_head", dtype)
    inputs = g["x"], g["table"], g["targets"]
    assert_near(OPS.cross_entropy(*inputs), g["y"], n=16, norm=np.abs(g["x"] @ g["table"].T).max())
    for result, name in zip(OPS.cross_entropy_backward(g["dy"], *inputs), ("dx", "dtable"), strict=True):
        assert_near(result, g[name], n=32, norm=np.abs(g[name]).max())


@pytest.mark.parametrize(("name", "axis"), [("amax_0", 0), ("amax_1", 1), ("amax_all", (0, 1))])
def test_largest_value_shares_its_gradient_among_equals(name: str, axis: Any, dtype: str) -> None:
    g = golden(name, dtype)
    x = Tensor(g["x"], requires_grad=True)
    y = x.max(axis)
    y.backward(g["dy"])
    np.testing.assert_array_equal(y.numpy(), g["y"])
    assert_near(x.grad, g["dx"], n=2, norm=np.abs(g["dy"]).max())


def test_variance_divides_by_n(dtype: str) -> None:
    g = golden("variance", dtype)
    x = Tensor(g["x"], requires_grad=True)
    y = x.var(1)
    y.backward(g["dy"])
    assert_near(y.numpy(), g["y"], n=14, norm=g["y"].max())
    assert_near(x.grad, g["dx"], n=14, norm=np.abs(g["dx"]).max())


@pytest.mark.parametrize("causal", [True, False])
def test_attention(causal: bool, dtype: str) -> None:
    g = golden("attention_causal" if causal else "attention_full", dtype)
    qkv, dqkv = (join(*(g[d + name] for name in "qkv")) for d in ("", "d"))
    options: Any = {"n_head": 2, "causal": causal, "scale": 5**-0.5}
    assert_near(OPS.attention(qkv, g["offsets"], **options), join(g["y"]), n=32, norm=np.abs(g["v"]).max())
    result, dbias = OPS.attention_backward(join(g["dy"]), qkv, g["offsets"], **options)
    assert dbias is None
    assert_near(result, dqkv, n=64, norm=np.abs(dqkv).max())


def join(*heads: Array) -> Array:
    """`[N, H, D]` each -> `[N, parts * H * D]`."""
    return np.concatenate([part.reshape(len(part), -1) for part in heads], axis=1)


def test_embedding_adds_the_gradients_of_repeated_ids(dtype: str) -> None:
    g = golden("embedding", dtype)
    np.testing.assert_array_equal(OPS.embedding(g["table"], g["ids"]), g["y"])
    assert_near(OPS.embedding_backward(g["dy"], g["ids"], 11), g["dtable"], n=3, norm=np.abs(g["dy"]).max())
