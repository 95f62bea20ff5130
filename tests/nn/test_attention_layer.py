"""Attention as a layer: the fused path, the steps one by one, and training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import get_backend
from hornbook.errors import ConfigError, ShapeError
from hornbook.nn import Attention
from hornbook.tensor import Tensor, eye, no_grad, randn, tensor

OPS = np.load(Path(__file__).resolve().parent.parent / "golden" / "ops.npz")

# Thirty roundings of numbers up to 4, taken as independent.
ROUNDING = 4 * np.sqrt(30) * float(np.finfo(np.float32).eps)


def attention(**options: Any) -> Attention:
    """C = 21, H = 3, D = 7; weights large enough that attention differs from a mean."""
    layer = Attention(21, 3, rng=get_backend().generator(3), **options)
    for parameter in layer.parameters():
        parameter.data = get_backend().normal(parameter.shape, 0.3, get_backend().generator(parameter.size))
    return layer


def assert_close(ours: Tensor | NDArray[Any], theirs: Tensor | NDArray[Any]) -> None:
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("kind", ["causal", "full"])
def test_the_middle_equals_torch(kind: str) -> None:
    """With the rows of the unit matrix as input, the first projection's weights are q, k and v themselves."""
    q, k, v, offsets, y = (
        OPS[f"attention_{kind}.float32.{name}"] for name in ("q", "k", "v", "offsets", "y")
    )
    qkv = np.concatenate([part.reshape(10, 10) for part in (q, k, v)], axis=1)
    layer = Attention(10, 2, causal=kind == "causal")
    zeros = {"c_attn.bias": np.zeros(30, "f"), "c_proj.bias": np.zeros(10, "f")}
    layer.load_state_dict({"c_attn.weight": qkv, "c_proj.weight": np.eye(10, dtype="f"), **zeros})
    assert_close(layer(eye(10), offsets), y.reshape(10, 10))


def test_the_steps_have_the_shapes_of_the_textbooks() -> None:
    steps = attention().steps(randn(2, 5, 21, rng=1))
    assert {name: value.shape for name, value in vars(steps).items()} == {
        "qkv": (2, 5, 63),
        "q": (2, 3, 5, 7),
        "k": (2, 3, 5, 7),
        "v": (2, 3, 5, 7),
        "scores": (2, 3, 5, 5),
        "weights": (2, 3, 5, 5),
        "heads": (2, 3, 5, 7),
        "merged": (2, 5, 21),
        "output": (2, 5, 21),
    }


def test_the_steps_follow_from_one_another() -> None:
    layer = attention()
    steps = layer.steps(randn(2, 5, 21, rng=1))
    q, k, v = (getattr(steps, name).numpy() for name in "qkv")
    scores = np.einsum("bhtd,bhsd->bhts", q, k) / np.sqrt(7)
    later = np.triu(np.ones((5, 5), bool), 1)
    assert np.isneginf(steps.scores.numpy()[..., later]).all()
    assert_close(steps.scores.numpy()[..., ~later], scores[..., ~later])
    weights = steps.weights.numpy()
    assert not weights[..., later].any()
    assert_close(weights.sum(-1), np.ones((2, 3, 5)))
    assert_close(steps.heads, weights @ v)
    assert_close(steps.qkv.numpy()[..., :21].reshape(2, 5, 3, 7).swapaxes(1, 2), q)
    assert_close(steps.merged.numpy()[..., 7:14], steps.heads.numpy()[:, 1])


@pytest.mark.parametrize("options", [{}, {"causal": False}, {"scale": 0.07}])
def test_steps_packed_and_stacked_give_the_same(options: dict[str, Any]) -> None:
    layer, x = attention(**options), randn(2, 5, 21, rng=1)
    stacked = layer(x)
    assert_close(layer.steps(x).output, stacked)
    assert_close(layer(x.reshape(10, 21), [0, 5, 10]).reshape(2, 5, 21), stacked)
    for one, expected in zip(x, stacked, strict=True):
        assert_close(layer(one), expected)
        assert_close(layer.steps(one).output[0], expected)
    residual = randn(2, 5, 21, rng=2)
    assert_close(layer(x, residual=residual), residual + stacked)


@pytest.mark.parametrize("options", [{"n_kv_head": 1}, {"n_kv_head": 3, "causal": False}, {"bias": False}])
@pytest.mark.parametrize("width", [None, 1, 5, 13])
def test_steps_and_packed_rows_agree_for_every_kind_of_head(
    options: dict[str, Any], width: int | None
) -> None:
    layer, x = attention(**options), randn(2, 5, 21, rng=1)
    bias = None if width is None else randn(3, width, rng=2)
    stacked = layer(x, distance_bias=bias)
    assert_close(layer.steps(x, bias).output, stacked)
    assert_close(layer(x.reshape(10, 21), [0, 5, 10], distance_bias=bias).reshape(2, 5, 21), stacked)
    assert (bias is None) == (stacked.numpy().tobytes() == layer(x).numpy().tobytes())


def test_dropout_keeps_the_bias_by_distance() -> None:
    layer, x = attention(attn_pdrop=1e-9), randn(5, 21, rng=1)
    bias = randn(3, 5, rng=2, requires_grad=True)
    still = layer(x, distance_bias=bias)
    layer.train()
    moving = layer(x, distance_bias=bias)
    assert_close(moving, still)
    gradients = []
    for result in (still, moving):
        bias.grad = None
        (result**2).sum().backward()
        gradients.append(bias.grad)
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-3, atol=1e-4)


def test_shared_heads_need_fewer_weights_and_biases_may_be_left_out() -> None:
    names = {
        name: weight.shape for name, weight in Attention(21, 3, n_kv_head=1, bias=False).named_parameters()
    }
    assert names == {"c_attn.weight": (21, 35), "c_proj.weight": (21, 21)}
    with pytest.raises(ConfigError, match="n_kv_head must divide n_head 3, got 2"):
        Attention(21, 3, n_kv_head=2)


def test_sequences_of_a_batch_do_not_see_each_other() -> None:
    layer, x = attention(causal=False), randn(11, 21, rng=1)
    together = layer(x, [0, 3, 3, 11]).numpy()
    assert_close(together[:3], layer(x[:3]))
    assert_close(together[3:], layer(x[3:]))


def test_an_upper_layer_without_a_mask_sees_everything() -> None:
    x = randn(5, 21, rng=1)
    changed = tensor(np.concatenate([x.numpy()[:4], x.numpy()[4:] + 1]))
    for causal in (True, False):
        layer = attention(causal=causal)
        same = layer(x).numpy()[0] == layer(changed).numpy()[0]
        assert same.all() if causal else not same.any()


def test_a_cache_continues() -> None:
    layer, x = attention(), randn(7, 21, rng=1)
    cache = get_backend().new_cache(1, 1, 3, 7, 7)
    with no_grad():
        parts = []
        for part in (x[:4], x[4:5], x[5:]):
            parts.append(layer(part, cache=cache.layers[0]).numpy())
            cache.advance(np.array([len(part)]))
        assert_close(np.concatenate(parts), layer(x))


def test_gradients_through_packed_and_stacked_are_the_same() -> None:
    layer = attention()
    gradients = []
    for shape, offsets in (((2, 5, 21), None), ((10, 21), [0, 5, 10])):
        layer.zero_grad()
        (layer(randn(2, 5, 21, rng=1).reshape(*shape), offsets) ** 2).sum().backward()
        gradients.append([parameter.grad for parameter in layer.parameters()])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(other).max())


def test_dropout_zeroes_attention_weights_in_training_alone() -> None:
    layer, x = attention(attn_pdrop=0.5), randn(5, 21, rng=1)
    still = layer(x).numpy()
    layer.train()
    moving = layer(x, residual=randn(5, 21, rng=2) * 0).numpy()
    assert (moving != still).any()
    assert (moving != layer(x).numpy()).any()
    assert layer(randn(2, 5, 21), residual=randn(2, 5, 21)).shape == (2, 5, 21)
    assert layer(randn(11, 21), [0, 3, 3, 11]).shape == (11, 21)


def test_a_residual_is_added_in_training_as_in_use() -> None:
    plain, with_residual = (attention(attn_pdrop=0.5) for _ in range(2))
    plain.train()
    with_residual.train()
    x, residual = randn(5, 21, rng=1), randn(5, 21, rng=2)
    assert_close(with_residual(x, residual=residual), residual + plain(x))


def test_a_cache_is_refused_where_it_would_be_ignored() -> None:
    layer = attention(attn_pdrop=0.5)
    layer.train()
    with pytest.raises(ConfigError, match=r"^attention: no cache while training with dropout; call eval"):
        layer(randn(1, 21), cache=get_backend().new_cache(1, 1, 3, 7, 7).layers[0])


def test_empty_input() -> None:
    layer = attention()
    assert layer(randn(0, 21)).shape == (0, 21)
    assert layer(randn(2, 0, 21)).shape == (2, 0, 21)
    assert layer(randn(0, 5, 21)).shape == (0, 5, 21)
    assert layer.steps(randn(0, 21)).weights.shape == (1, 3, 0, 0)


@pytest.mark.parametrize(("n_embd", "n_head"), [(21, 2), (21, 0), (21, -3), (3, 21)])
def test_heads_divide_features(n_embd: int, n_head: int) -> None:
    with pytest.raises(ConfigError, match=r"^Attention: n_head must divide n_embd"):
        Attention(n_embd, n_head)


@pytest.mark.parametrize(
    ("shape", "offsets"),
    [((5, 7), None), ((21,), None), ((2, 5, 21), [0, 5, 10]), ((5, 21), [0, 3]), ((5, 21), [1, 5])],
)
def test_shapes_that_do_not_fit(shape: tuple[int, ...], offsets: list[int] | None) -> None:
    with pytest.raises(ShapeError):
        attention()(randn(*shape), offsets)


@pytest.mark.parametrize("shape", [(21,), (2, 2, 5, 21), ()])
def test_steps_take_one_or_several_sequences(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"^steps: expected x of shape \[T, C\] or \[B, T, C\]"):
        attention().steps(randn(*shape))
