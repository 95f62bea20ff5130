"""Each layer alone, against torch or worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hornbook.backend import available_backends, get_backend, use_backend
from hornbook.errors import ConfigError, ShapeError
from hornbook.nn import Dropout, Embedding, LayerNorm, Linear, ResidualLinear, functional, init
from hornbook.tensor import Tensor, check_gradients, no_grad, randn, tensor

OPS = np.load(Path(__file__).resolve().parent.parent / "golden" / "ops.npz")
EPS = float(np.finfo(np.float32).eps)


def golden(operation: str, *names: str) -> list[Any]:
    return [OPS[f"{operation}.float32.{name}"] for name in names]


def test_linear_by_hand() -> None:
    layer = Linear(3, 2)
    layer.load_state_dict(
        {"weight": np.array([[1, 2], [3, 5], [7, 11.0]], "f"), "bias": np.array([13, 17], "f")}
    )
    x = tensor([[1, 0, 0], [0, 1, 0], [1, -1, 2]])
    expected = [[14, 19], [16, 22], [25, 36]]
    np.testing.assert_array_equal(layer(x).numpy(), expected)
    np.testing.assert_array_equal(layer(x.reshape(3, 1, 3)).numpy(), np.reshape(expected, (3, 1, 2)))
    np.testing.assert_array_equal(
        layer(-x, activation="relu", residual=tensor([[1, 1]] * 3)).numpy(), [[13, 16], [11, 13], [2, 1]]
    )


def test_linear_without_bias() -> None:
    layer = Linear(3, 2, bias=False)
    assert list(layer.state_dict()) == ["weight"]
    assert not layer(tensor([[0, 0, 0]])).numpy().any()


def test_linear_starts_small_and_refuses_other_widths() -> None:
    layer = Linear(211, 101, std=0.5, rng=get_backend().generator(3))
    n = layer.weight.size
    assert abs(layer.weight.data.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * n)
    assert not layer.state_dict()["bias"].any()
    with pytest.raises(
        ShapeError, match=r"linear: weight expects 211 input features, got x of shape \(2, 7\)"
    ):
        layer(randn(2, 7))


@pytest.mark.parametrize("activation", ["none", "relu", "silu", "gelu", "gelu_tanh", "quick_gelu"])
def test_linear_with_everything_has_the_same_value_and_gradient_recorded_or_not(activation: Any) -> None:
    layer, x, residual = Linear(5, 3), randn(7, 5, rng=1), randn(7, 3, rng=2)
    recorded = layer(x, activation=activation, residual=residual)
    with no_grad():
        fused = layer(x, activation=activation, residual=residual)
    np.testing.assert_array_equal(recorded.numpy(), fused.numpy())

    def function(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor) -> Tensor:
        return functional.linear(x, weight, bias, activation=activation, residual=residual)

    inputs = [
        get_backend().normal(s, 1.0, get_backend().generator(5)) for s in ((7, 5), (5, 3), (3,), (7, 3))
    ]
    assert check_gradients(function, *inputs) < 1e-6


@pytest.mark.parametrize(("operation", "eps"), [("layer_norm_1e5", 1e-5), ("layer_norm_1e3", 1e-3)])
def test_layer_norm_equals_torch(operation: str, eps: float) -> None:
    x, weight, bias, y, dy, dx, dweight, dbias = golden(
        operation, "x", "weight", "bias", "y", "dy", "dx", "dweight", "dbias"
    )
    layer = LayerNorm(13, eps)
    layer.load_state_dict({"weight": weight, "bias": bias})
    leaf = Tensor(x, requires_grad=True)
    output = layer(leaf)
    output.backward(dy)
    grads = [parameter.grad for parameter in layer.parameters()]
    pairs = [(output.numpy(), y), (leaf.grad, dx), (grads[0], dweight), (grads[1], dbias)]
    for ours, theirs in pairs:
        assert np.linalg.norm(ours - theirs) < 16 * EPS * np.linalg.norm(theirs)


def test_layer_norm_without_a_bias_is_one_with_zeros() -> None:
    plain, zeros = LayerNorm(5, 0.1, bias=False), LayerNorm(5, 0.1)
    assert [name for name, _ in plain.named_parameters()] == ["weight"]
    x, weight = randn(7, 5, rng=1), randn(5, rng=2).numpy()
    plain.load_state_dict({"weight": weight})
    zeros.load_state_dict({"weight": weight, "bias": np.zeros(5, "f")})
    gradients = []
    for layer in (plain, zeros):
        (layer(x) ** 2).sum().backward()
        gradients.append(layer.weight.grad)
    np.testing.assert_array_equal(plain(x).numpy(), zeros(x).numpy())
    np.testing.assert_array_equal(*gradients)
    assert (
        check_gradients(lambda x, weight: functional.layer_norm(x, weight, eps=0.1), x.numpy(), weight) < 1e-6
    )


def test_layer_norm_begins_as_plain_normalisation() -> None:
    y = LayerNorm(3, 0)(tensor([[1, 2, 3], [10, 20, 30]])).numpy()
    np.testing.assert_allclose(y, [[-np.sqrt(1.5), 0, np.sqrt(1.5)]] * 2, rtol=4 * EPS)


def test_embedding_equals_torch() -> None:
    table, ids, y, dy, dtable = golden("embedding", "table", "ids", "y", "dy", "dtable")
    layer = Embedding(*table.shape)
    layer.load_state_dict({"weight": table})
    output = layer(ids)
    output.backward(dy)
    np.testing.assert_array_equal(output.numpy(), y)
    np.testing.assert_allclose(layer.weight.grad, dtable, rtol=4 * EPS)


def test_embedding_takes_any_shape_of_ids_in_range() -> None:
    layer = Embedding(7, 3)
    assert layer(np.array([[1, 2], [3, 4], [5, 6], [0, 0], [1, 1]])).shape == (5, 2, 3)
    for wrong in (np.array([7]), np.array([-1]), np.array([0.0])):
        with pytest.raises(ShapeError, match="embedding: ids must be"):
            layer(wrong)


def test_cross_entropy_equals_torch() -> None:
    x, table, targets, y, dy, dx, dtable = golden(
        "cross_entropy_head", "x", "table", "targets", "y", "dy", "dx", "dtable"
    )
    hidden, weight = Tensor(x, requires_grad=True), Tensor(table, requires_grad=True)
    losses = functional.cross_entropy(hidden, weight, targets)
    losses.backward(dy)
    for ours, theirs in ((losses.numpy(), y), (hidden.grad, dx), (weight.grad, dtable)):
        assert np.linalg.norm(ours - theirs) < 16 * EPS * np.linalg.norm(theirs)


def test_segment_mean_by_hand() -> None:
    x = tensor([[1, 2], [3, 4], [5, 9], [7, 7]], requires_grad=True)
    offsets = np.array([0, 3, 3, 4], np.int32)
    mean = functional.segment_mean(x, offsets)
    np.testing.assert_allclose(mean.numpy(), [[3, 5], [0, 0], [7, 7]], rtol=4 * EPS)
    mean.backward(np.array([[3, 6], [1, 1], [2, 5]], "f"))
    np.testing.assert_allclose(x.grad, [[1, 2], [1, 2], [1, 2], [2, 5]], rtol=4 * EPS)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_forgets_a_share_and_keeps_the_mean(p: float) -> None:
    layer = Dropout(p, rng=get_backend().generator(7))
    layer.train()
    n = 100_000
    y = layer(Tensor(np.ones(n, "f"))).numpy()
    assert y.dtype == np.float32
    assert set(np.unique(y)) == {0, np.float32(1) / np.float32(1 - p)}
    assert abs((y == 0).mean() - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_dropout_follows_its_seed_and_draws_anew_each_time() -> None:
    layers = [Dropout(0.5, rng=get_backend().generator(seed)) for seed in (3, 3, 5)]
    outputs = []
    for layer in layers:
        layer.train()
        outputs.append([layer(tensor([1.0] * 101)).numpy().tobytes() for _ in range(2)])
    first, same, other = outputs
    assert first == same
    assert first != other
    assert first[0] != first[1]


def test_dropout_sends_gradients_the_way_that_values_took() -> None:
    layer, x = Dropout(0.3, rng=get_backend().generator(7)), tensor([2.0] * 101, requires_grad=True)
    layer.train()
    y = layer(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad * 2, y.numpy())


def test_dropout_in_use_is_nothing() -> None:
    x = randn(5, 3)
    assert Dropout(0.9)(x) is x
    never, always = Dropout(0.0), Dropout(1.0)
    never.train()
    always.train()
    assert never(x) is x
    assert not always(x).numpy().any()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_dropout_takes_probabilities(p: float) -> None:
    with pytest.raises(ConfigError, match=r"^Dropout: p must be from 0 to 1"):
        Dropout(p)


def test_residual_linear_forgets_the_branch_alone() -> None:
    layer = ResidualLinear(5, 101, dropout=0.5, rng=get_backend().generator(7))
    x, residual = randn(3, 5, rng=1), randn(3, 101, rng=2)
    whole = layer(x, residual=residual).numpy()
    np.testing.assert_array_equal(whole, (residual + layer(x)).numpy())
    layer.train()
    branch = layer(x, residual=residual).numpy() - residual.numpy()
    forgotten = branch == 0
    assert 0.3 < forgotten.mean() < 0.7
    np.testing.assert_allclose(branch[~forgotten], 2 * layer_branch(layer, x)[~forgotten], atol=8 * EPS)
    assert (layer(x).numpy() == 0).any()


def layer_branch(layer: ResidualLinear, x: Tensor) -> Any:
    layer.eval()
    branch = layer(x).numpy()
    layer.train()
    return branch


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_residual_linear_activates_the_branch_before_the_residual(p: float) -> None:
    layer = ResidualLinear(5, 101, dropout=p, rng=get_backend().generator(7))
    layer.train()
    x, residual = randn(3, 5, rng=1), randn(3, 101, rng=2)
    branch = layer(x, activation="relu", residual=residual).numpy() - residual.numpy()
    linear = np.maximum(x.numpy() @ layer.weight.numpy(), 0) / (1 - p)
    kept = branch != 0
    np.testing.assert_allclose(branch[kept], linear[kept], atol=8 * EPS)
    assert (branch > -8 * EPS).all()


@pytest.mark.parametrize("target", [0, 3, 10])
def test_one_counted_target_has_the_mean_for_its_own_loss(target: int) -> None:
    x, table = randn(5, 7, rng=1), randn(11, 7, rng=2)
    targets = np.array([-1, -1, target, -100, -1], np.int32)
    expected = functional.cross_entropy(x, table, targets).numpy().sum()
    assert functional.mean_cross_entropy(x, table, targets).item() == pytest.approx(expected, rel=4 * EPS)
    with no_grad():
        assert functional.mean_cross_entropy(x, table, targets).item() == pytest.approx(expected, rel=4 * EPS)


def test_settings_that_are_not_given_are_those_of_torch() -> None:
    assert (Dropout().p, LayerNorm(3).eps) == (0.5, 1e-5)
    assert list(Linear(5, 3).state_dict()) == ["weight", "bias"]
    weight = Linear(211, 101).weight.numpy()  # but weights begin as GPT-2's do
    assert abs(weight.std() - 0.02) < 4 * 0.02 / np.sqrt(2 * weight.size)


def test_skip_init_draws_nothing() -> None:
    rng, untouched = get_backend().generator(3), get_backend().generator(3)
    with init.skip_init():
        layer = Linear(5, 3, rng=rng)
    assert layer.weight.shape == (5, 3)
    assert rng.random() == untouched.random()
    assert LayerNorm(3).weight.data.tolist() == [1, 1, 1]


def test_skip_init_ends_with_its_block_even_on_errors() -> None:
    with pytest.raises(ZeroDivisionError), init.skip_init():
        _ = 1 / 0
    assert LayerNorm(3).weight.data.tolist() == [1, 1, 1]


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("n_rows", [7, 0])
def test_a_loss_without_targets_is_zero(backend: str, n_rows: int) -> None:
    with use_backend(backend):
        x, table = randn(n_rows, 5, rng=1, requires_grad=True), randn(11, 5, rng=2, requires_grad=True)
        ignored = np.full(n_rows, -1, np.int32)
        loss = functional.mean_cross_entropy(x, table, ignored)
        loss.backward()
        assert loss.item() == 0
        assert not x.grad.any()
        assert not table.grad.any()
        with no_grad():
            assert functional.mean_cross_entropy(x, table, ignored).item() == 0


def test_a_mean_loss_counts_the_targets_that_are_there() -> None:
    x, table, targets = randn(7, 5, rng=1), randn(11, 5, rng=2), np.array([3, -1, 10, -1, -1, 0, 7])
    losses = functional.cross_entropy(x, table, targets).numpy()
    expected = losses[targets >= 0].sum() / 4
    assert functional.mean_cross_entropy(x, table, targets).item() == pytest.approx(expected, rel=4 * EPS)
