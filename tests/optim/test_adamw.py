"""AdamW against torch (tests/golden/make_ops.py), clipping against arithmetic, and learning at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hornbook import GPT2, GPT2Config
from hornbook.backend import PackedBatch, available_backends, use_backend
from hornbook.errors import ConfigError
from hornbook.nn import Linear, Parameter
from hornbook.optim import AdamW

GOLDENS = np.load(Path(__file__).parent.parent / "golden" / "ops.npz")


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_are_torchs(backend: str, dtype: str) -> None:
    golden = {name: GOLDENS[f"adamw.{dtype}.{name}"] for name in ("x", "grads", "y", "m", "v")}
    with use_backend(backend):
        parameter = Parameter(golden["x"][None].copy())  # a matrix, so that it decays
        optimizer = AdamW([parameter], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
        for grad, expected in zip(golden["grads"], golden["y"], strict=True):
            parameter.grad = grad[None]
            optimizer.step()
            np.testing.assert_allclose(parameter.data[0], expected, rtol=1e-6, atol=1e-7)
    state = optimizer.state_dict()["arrays"]
    np.testing.assert_allclose(state["means.0"][0], golden["m"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(state["squares.0"][0], golden["v"], rtol=1e-5, atol=1e-7)


def test_vectors_do_not_decay() -> None:
    layer = Linear(3, 5)
    layer.bias = Parameter(np.ones(5, np.float32))
    weight = layer.weight.data.copy()
    for parameter in layer.parameters():
        parameter.grad = np.zeros(parameter.shape, np.float32)
    AdamW(layer.parameters(), lr=0.1, weight_decay=0.5).step()
    np.testing.assert_array_equal(layer.bias.data, 1)
    np.testing.assert_allclose(layer.weight.data, weight * 0.95, rtol=1e-6)


def test_clipping_scales_all_gradients_alike() -> None:
    grads = [np.full((1, 3), 2.0, np.float32), np.full((1, 4), -1.0, np.float32)]
    clipped, scaled = ([Parameter(np.zeros_like(grad)) for grad in grads] for _ in range(2))
    for parameter, grad in zip(clipped, grads, strict=True):
        parameter.grad = grad
    for parameter, grad in zip(scaled, grads, strict=True):
        parameter.grad = grad / 8
    assert AdamW(clipped, eps=1.0).step(max_norm=0.5) == 4.0  # sqrt(3 * 4 + 4 * 1)
    AdamW(scaled, eps=1.0).step()
    for ours, theirs in zip(clipped, scaled, strict=True):
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-6)


@pytest.mark.parametrize("backend", available_backends())
def test_gradients_below_the_norm_stay_as_they_are(backend: str) -> None:
    with use_backend(backend):
        moved = []
        for max_norm in (None, 4.0, 1e9):
            parameter = Parameter(np.zeros((1, 3), np.float32))
            parameter.grad = np.array([[2, -2, 2]], np.float32)  # of norm 3.46
            AdamW([parameter], eps=1.0).step(max_norm=max_norm)
            moved.append(parameter.data.tobytes())
    assert moved[0] == moved[1] == moved[2]


@pytest.mark.parametrize("backend", available_backends())
def test_eps_is_added_to_the_root(backend: str) -> None:
    """With eps far above the gradient a first step is lr * g / (|g| + eps)."""
    with use_backend(backend):
        parameter = Parameter(np.zeros(3, np.float32))
        parameter.grad = np.array([0.001, -0.002, 0.003], np.float32)
        AdamW([parameter], lr=1.0, eps=0.5).step()
    expected = [-0.001 / 0.501, 0.002 / 0.502, -0.003 / 0.503]
    np.testing.assert_allclose(parameter.data, expected, rtol=1e-5)


def test_parameters_without_a_gradient_stay() -> None:
    parameter = Parameter(np.ones((2, 3), np.float32))
    assert AdamW([parameter], weight_decay=1.0).step() == 0
    np.testing.assert_array_equal(parameter.data, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", -1),
        ("lr", float("nan")),
        ("eps", -1e-8),
        ("weight_decay", -0.1),
        ("betas", (0.9, 1.0)),
        ("betas", (-0.1, 0.9)),
    ],
)
def test_settings_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        AdamW([], **{name: value})
    with pytest.raises(ConfigError, match="max_norm"):
        AdamW([]).step(max_norm=0)


@pytest.mark.parametrize("backend", available_backends())
def test_a_model_learns_one_batch_by_heart(backend: str) -> None:
    config = GPT2Config(
        vocab_size=23, n_positions=11, n_embd=14, n_layer=2, n_head=7, bos_token_id=0, eos_token_id=0
    )
    with use_backend(backend):
        model = GPT2(config, seed=0)
        optimizer = AdamW(model.parameters(), lr=3e-2)
        batch = PackedBatch.pack([[1, 2, 3, 5, 7, 11, 13], [17, 19, 4]])
        losses = []
        for _ in range(40):
            optimizer.zero_grad()
            loss = model.loss(batch)
            loss.backward()
            optimizer.step(max_norm=1.0)
            losses.append(loss.item())
    assert losses[0] == pytest.approx(np.log(23), rel=0.05)
    assert losses[-1] < 0.1
