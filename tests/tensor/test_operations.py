"""Every operation against NumPy's own words for it, and its gradient against central differences."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.nn import functional
from hornbook.tensor import Tensor, apply, apply_with_gradients, cat, check_gradients, tril, triu
from hornbook.tensor.engine import Recorded, backward
from hornbook.tensor.gradients import GRADIENTS, Rule

Array = NDArray[Any]
Shape = tuple[int, ...]

ERF = np.vectorize(math.erf, otypes=[float])
IDS = np.array([[3, 0, 3], [2, 3, 1]])
OFFSETS = np.array([0, 3, 3, 7])
TARGETS = np.array([4, -100, 0, 4, 10])
WEIGHTS = np.array([0.5, 0.25, 1.0, -1.0, 2.0], np.float32)
MASK = np.array([True, False, False, True, False])


@dataclass(frozen=True)
class Case:
    """One use of one operation.

    Attributes:
        name: the method of Tensor, or the operation given to `apply`.
        tensor: the use, with tensors.
        numpy: the same in NumPy.
        shapes: of the inputs.
        positive: whether the inputs must be.
    """

    name: str
    tensor: Callable[..., Tensor]
    numpy: Callable[..., Any]
    shapes: tuple[Shape, ...]
    positive: bool = False

    def inputs(self, dtype: str = "float64") -> list[Array]:
        """Numbers from -2 to 2, or 0.5 to 2.5, all different and none at 0, where some slopes jump."""
        rng = np.random.default_rng(len(self.name))
        low, width = (0.5, 2) if self.positive else (-2, 4)
        places = (rng.permutation(math.prod(shape)).reshape(shape) for shape in self.shapes)
        return [(low + width * (p + 0.25) / max(1, p.size)).astype(dtype) for p in places]


def case(
    name: str,
    tensor: Callable[..., Tensor],
    numpy: Callable[..., Any],
    *shapes: Shape,
    positive: bool = False,
) -> Case:
    return Case(name, tensor, numpy, shapes, positive)


def same(name: str, function: Callable[..., Any], *shapes: Shape, positive: bool = False) -> Case:
    """A case whose words are the same for tensors and arrays."""
    return Case(name, function, function, shapes, positive)


def np_softmax(x: Array, axis: int = -1) -> Array:
    return np.asarray(np.exp(x) / np.exp(x).sum(axis, keepdims=True))


def np_gelu(x: Array) -> Array:
    return np.asarray(x * (1 + ERF(x / math.sqrt(2))) / 2)


def np_gelu_tanh(x: Array) -> Array:
    return np.asarray(x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def np_silu(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)))


def np_layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    mean, std = x.mean(-1, keepdims=True), np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    return np.asarray((x - mean) / std * weight + bias)


def np_attention(qkv: Array, bias: Array | None = None, *, causal: bool, n_kv_head: int = 2) -> Array:
    """Row by row and head by head: 2 heads of 3 features, and a bias for the distances -2 to 2."""
    result = np.zeros((len(qkv), 6))
    for begin, end in pairwise(OFFSETS):
        for head, row in np.ndindex(2, end - begin):
            seen = slice(begin, begin + row + 1 if causal else end)
            shared = head * n_kv_head // 2
            at = 3 * head, 6 + 3 * shared, 6 + 3 * n_kv_head + 3 * shared
            q, k, v = (slice(first, first + 3) for first in at)
            scores = qkv[seen, k] @ qkv[begin + row, q] * 0.7
            if bias is not None:
                scores += [bias[head, 2 + max(-2, min(2, key - row))] for key in range(len(scores))]
            result[begin + row, q] = np_softmax(scores) @ qkv[seen, v]
    return result


def np_distance_bias(bias: Array) -> Array:
    """The last 3 of 7 rows against all of them, distances -2 to 2."""
    result = np.zeros((3, 3, 7))
    for head, row, key in np.ndindex(3, 3, 7):
        result[head, row, key] = bias[head, 2 + max(-2, min(2, key - (row + 4)))]
    return result


def np_cross_entropy(x: Array, table: Array) -> Array:
    probabilities = np_softmax(x @ table.T)
    losses = [-np.log(probabilities[row, target]) if target >= 0 else 0 for row, target in enumerate(TARGETS)]
    return np.array(losses)


def np_segment_sum(x: Array, weights: Array) -> Array:
    return np.stack([weights[begin:end] @ x[begin:end] for begin, end in pairwise(OFFSETS)])


def attend(x: Tensor, bias: Tensor | None = None, *, causal: bool, n_kv_head: int | None = None) -> Tensor:
    return functional.attention(x, OFFSETS, bias, n_head=2, n_kv_head=n_kv_head, causal=causal, scale=0.7)


PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((5, 7), (5, 7)),
    ((5, 7), (7,)),
    ((5, 1), (1, 7)),
    ((3, 1, 7), (5, 1)),
    ((), (5, 7)),
    ((5, 7), ()),
    ((), ()),
    ((0, 7), (1, 7)),
    ((5, 0), (5, 1)),
)
SHAPES: tuple[Shape, ...] = ((3, 5), (), (0, 7))

ARITHMETIC = [
    *(same("add", lambda x, y: x + y, *pair) for pair in PAIRS),
    *(same("sub", lambda x, y: x - y, *pair) for pair in PAIRS),
    *(same("mul", lambda x, y: x * y, *pair) for pair in PAIRS),
    *(same("div", lambda x, y: x / y, *pair) for pair in PAIRS),
    same("__add__", lambda x: x + 1.5, (5, 7)),
    same("__radd__", lambda x: 1.5 + x, (5, 7)),
    same("__sub__", lambda x: x - 1.5, (5, 7)),
    same("__rsub__", lambda x: 1.5 - x, (5, 7)),
    same("__mul__", lambda x: x * 1.5, (5, 7)),
    same("__rmul__", lambda x: 1.5 * x, (5, 7)),
    same("__truediv__", lambda x: x / 1.5, (5, 7)),
    same("__rtruediv__", lambda x: 1.5 / x, (5, 7)),
    same("__rmul__", lambda x: np.arange(7.0) * x, (5, 7)),
    same("__neg__", lambda x: -x, (5, 7)),
    same("__pow__", lambda x: x**2, (5, 7)),
    *(case("pow", lambda x: x.pow(3), lambda x: x**3, shape) for shape in SHAPES),
    case("pow", lambda x: x.pow(-0.5), lambda x: x**-0.5, (3, 5), positive=True),
    same("__pow__", lambda x: x ** np.float64(0.5), (3, 5), positive=True),
    case("pow", lambda x: x.pow(0), np.ones_like, (3, 5)),
    *(case("exp", Tensor.exp, np.exp, shape) for shape in SHAPES),
    *(case("log", Tensor.log, np.log, shape, positive=True) for shape in SHAPES),
    *(case("sqrt", Tensor.sqrt, np.sqrt, shape, positive=True) for shape in SHAPES),
    *(case("tanh", Tensor.tanh, np.tanh, shape) for shape in SHAPES),
    *(case("sigmoid", Tensor.sigmoid, lambda x: 1 / (1 + np.exp(-x)), shape) for shape in SHAPES),
    *(case("abs", Tensor.abs, np.abs, shape) for shape in SHAPES),
]

PRODUCTS: tuple[tuple[Shape, Shape], ...] = (
    ((3, 5), (5, 7)),
    ((2, 3, 5), (5, 7)),
    ((3, 5), (2, 5, 7)),
    ((2, 1, 3, 5), (11, 5, 7)),
    ((5,), (5, 7)),
    ((5,), (2, 5, 7)),
    ((3, 5), (5,)),
    ((2, 3, 5), (5,)),
    ((5,), (5,)),
    ((0, 5), (5, 7)),
    ((3, 0), (0, 7)),
)

MATMULS = [
    *(same("matmul", lambda x, y: x @ y, *pair) for pair in PRODUCTS),
    same("__matmul__", lambda x: x @ np.arange(5.0), (3, 5)),
    same("__rmatmul__", lambda x: np.arange(6.0).reshape(2, 3) @ x, (3, 5)),
]

RESHAPES = [
    same("reshape", lambda x: x.reshape(5, 6), (2, 3, 5)),
    same("reshape", lambda x: x.reshape(-1, 2), (2, 3, 5)),
    same("reshape", lambda x: x.reshape(1), ()),
    same("reshape", lambda x: x.reshape(5, 0), (0, 7)),
    case("unsqueeze", lambda x: x.unsqueeze(1), lambda x: x[:, None], (3, 5)),
    case("unsqueeze", lambda x: x.unsqueeze(-1), lambda x: x[..., None], (3, 5)),
    case("unsqueeze", lambda x: x.unsqueeze(0), lambda x: x[None], ()),
    same("squeeze", lambda x: x.squeeze(), (1, 3, 1)),
    same("squeeze", lambda x: x.squeeze(-1), (1, 3, 1)),
    same("squeeze", lambda x: x.squeeze((0, -1)), (1, 3, 1)),
    case("permute", lambda x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1), (2, 3, 5)),
    case("permute", lambda x: x.permute(-2, -1, 0), lambda x: x.transpose(1, 2, 0), (2, 3, 5)),
    case("transpose", lambda x: x.transpose(), lambda x: x.swapaxes(1, 2), (2, 3, 5)),
    case("transpose", lambda x: x.transpose(0, -1), lambda x: x.swapaxes(0, 2), (2, 3, 5)),
    case("broadcast_to", lambda x: x.broadcast_to(2, 3, 5), lambda x: np.broadcast_to(x, (2, 3, 5)), (3, 1)),
    case("broadcast_to", lambda x: x.broadcast_to(2, 3), lambda x: np.broadcast_to(x, (2, 3)), ()),
    case("cat", lambda x, y: cat([x, y]), lambda x, y: np.concatenate([x, y]), (2, 5), (3, 5)),
    case("cat", lambda x, y: cat([x, y], -1), lambda x, y: np.concatenate([x, y], 1), (5, 2), (5, 3)),
    case("cat", lambda x, y: cat([x, y], -2), lambda x, y: np.concatenate([x, y]), (0, 5), (3, 5)),
    case("cat", lambda x: cat([x, x, x]), lambda x: np.concatenate([x, x, x]), (5,)),
]

INDEXES = [
    same("__getitem__", lambda x: x[1], (3, 5)),
    same("__getitem__", lambda x: x[-1, 1:4:2], (3, 5)),
    same("__getitem__", lambda x: x[..., None, ::-1], (3, 5)),
    same("__getitem__", lambda x: x[np.array([2, 0, 2])], (3, 5)),
    same("__getitem__", lambda x: x[np.array([[2], [1]]), [0, 4]], (3, 5)),
    same("__getitem__", lambda x: x[:, MASK], (3, 5)),
    same("__getitem__", lambda x: x[2:2], (3, 5)),
    same("__getitem__", lambda x: x[...], ()),
    case("__getitem__", lambda x: x[Tensor(IDS[0])], lambda x: x[IDS[0]], (5, 7)),
    case("__iter__", lambda x: cat(list(x)[::-1]), lambda x: np.concatenate(x[::-1]), (3, 5)),
    case("slice", lambda x: x.slice(-1, 1, 3), lambda x: x[..., 1:3], (3, 5)),
    case("slice", lambda x: x.slice(0, 1), lambda x: x[1:], (3, 5)),
    case("select", lambda x: x.select(1, -2), lambda x: x[:, -2], (3, 5)),
    case("masked_fill", lambda x: x.masked_fill(MASK, 7), lambda x: np.where(MASK, 7, x), (3, 5)),
    case("masked_fill", lambda x: x.masked_fill(Tensor(MASK), 7), lambda x: np.where(MASK, 7, x), (3, 5)),
    case("masked_fill", lambda x: x.masked_fill(MASK, 7), lambda x: np.where(MASK, 7, x), (3, 1)),
    case("tril", lambda x: x.tril(), np.tril, (2, 3, 5)),
    case("tril", lambda x: tril(x, 1), lambda x: np.tril(x, 1), (5, 3)),
    case("triu", lambda x: x.triu(), np.triu, (2, 3, 5)),
    case("triu", lambda x: triu(x, -1), lambda x: np.triu(x, -1), (5, 3)),
]

AXES: tuple[Any, ...] = (None, 0, 1, -1, (0, 2), (-1, 0), (-1, -2), (0, 1, 2), ())
REDUCTIONS = [
    same(name, lambda x, n=name, a=axis, k=keep: getattr(x, n)(axis=a, keepdims=k), (2, 3, 5))
    for name in ("sum", "mean", "var", "max", "min")
    for axis in AXES
    for keep in (False, True)
] + [
    *(same(name, lambda x, n=name: getattr(x, n)(), ()) for name in ("sum", "mean", "var", "max", "min")),
    *(same(name, lambda x, n=name: getattr(x, n)(axis=1), (0, 7)) for name in ("mean", "var", "max", "min")),
    same("sum", lambda x: x.sum(), (0, 7)),
    same("sum", lambda x: x.sum(axis=0), (0, 7)),
]

ACTIVATIONS = [
    *(case("relu", Tensor.relu, lambda x: x * (x > 0), shape) for shape in SHAPES),
    *(case("silu", Tensor.silu, np_silu, shape) for shape in SHAPES),
    *(case("gelu", Tensor.gelu, np_gelu_tanh, shape) for shape in SHAPES),
    *(case("gelu", lambda x: x.gelu(approximate=False), np_gelu, shape) for shape in SHAPES),
    *(case("softmax", Tensor.softmax, np_softmax, shape) for shape in ((3, 5), (0, 7), (3, 0))),
    case("softmax", lambda x: x.softmax(0), lambda x: np_softmax(x, 0), (3, 5)),
    case("softmax", lambda x: x.softmax(-2), lambda x: np_softmax(x, 1), (2, 3, 5)),
    *(case("log_softmax", Tensor.log_softmax, lambda x: np.log(np_softmax(x)), s) for s in ((3, 5), (0, 7))),
    case("log_softmax", lambda x: x.log_softmax(1), lambda x: np.log(np_softmax(x, 1)), (2, 3, 5)),
    case("log_softmax", Tensor.log_softmax, lambda x: x, (3, 0)),
]

FUSED = [
    case(
        "unembed", lambda x, table: apply("unembed", x, table), lambda x, table: x @ table.T, (3, 5), (7, 5)
    ),
    case(
        "unembed",
        lambda x, table: apply("unembed", x, table),
        lambda x, table: x @ table.T,
        (2, 3, 5),
        (7, 5),
    ),
    case("linear", lambda *a: apply("linear", *a, None), lambda x, w, b: x @ w + b, (3, 5), (5, 7), (7,)),
    case("linear", lambda x, w: apply("linear", x, w, None, None), lambda x, w: x @ w, (2, 3, 5), (5, 7)),
    case("linear", lambda x, w: apply("linear", x, w, None, None), lambda x, w: x @ w, (5,), (5, 7)),
    case("linear", lambda x, w: apply("linear", x, w, None, None), lambda x, w: x @ w, (0, 5), (5, 7)),
    *(
        case(
            "linear",
            lambda *a, kind=kind: apply("linear", *a, activation=kind),
            lambda x, w, b, r, function=function: function(x @ w + b) + r,
            *((3, 5), (5, 7), (7,), (3, 7)),
        )
        for kind, function in (
            ("none", lambda x: x),
            ("relu", lambda x: x * (x > 0)),
            ("silu", np_silu),
            ("gelu", np_gelu),
            ("gelu_tanh", np_gelu_tanh),
            ("quick_gelu", lambda x: x / (1 + np.exp(-1.702 * x))),
        )
    ),
    case("activation", lambda x: apply("activation", x, kind="none"), lambda x: x, (3, 5)),
    *(
        case("layer_norm", lambda *a: apply("layer_norm", *a, eps=1e-3), np_layer_norm, shape, (5,), (5,))
        for shape in ((3, 5), (2, 3, 5), (5,), (0, 5))
    ),
    case("embedding", lambda table: apply("embedding", table, IDS), lambda table: table[IDS], (5, 7)),
    case("embedding", lambda table: apply("embedding", table, IDS[:0]), lambda table: table[IDS[:0]], (5, 7)),
    case("attention", lambda x: attend(x, causal=True), lambda x: np_attention(x, causal=True), (7, 18)),
    case("attention", lambda x: attend(x, causal=False), lambda x: np_attention(x, causal=False), (7, 18)),
    *(
        case(
            "attention",
            partial(attend, causal=causal, n_kv_head=n_kv_head),
            partial(np_attention, causal=causal, n_kv_head=n_kv_head),
            (7, 6 + 6 * n_kv_head),
            *shapes,
        )
        for causal in (True, False)
        for n_kv_head, *shapes in ((1,), (1, (2, 5)), (2, (2, 5)))
    ),
    case("distance_bias", lambda x: functional.distance_bias(x, 3, 7), np_distance_bias, (3, 5)),
    case("cross_entropy", lambda *a: apply("cross_entropy", *a, TARGETS), np_cross_entropy, (5, 7), (11, 7)),
    case(
        "cross_entropy_with_gradients",
        lambda *a: apply_with_gradients("cross_entropy_with_gradients", *a, TARGETS, WEIGHTS) * 3,
        lambda *a: 3 * (np_cross_entropy(*a) * WEIGHTS).sum(),
        (5, 7),
        (11, 7),
    ),
    case(
        "segment_sum",
        lambda x: apply("segment_sum", x, OFFSETS, None),
        lambda x: np_segment_sum(x, np.ones(7)),
        (7, 5),
    ),
    case(
        "segment_sum",
        lambda x: apply("segment_sum", x, OFFSETS, np.arange(7, dtype=x.dtype)),
        lambda x: np_segment_sum(x, np.arange(7)),
        (7, 5),
    ),
]

CASES = [*ARITHMETIC, *MATMULS, *RESHAPES, *INDEXES, *REDUCTIONS, *ACTIVATIONS, *FUSED]
all_cases = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.shapes}")


@all_cases
def test_float32_is_numpys_result(case: Case) -> None:
    inputs = case.inputs("float32")
    expected = np.asarray(case.numpy(*(x.astype("float64") for x in inputs)))
    actual = case.tensor(*map(Tensor, inputs)).numpy()
    n = 2 + sum(x.size for x in inputs)
    norm = max(np.max(np.abs(x), initial=1) for x in (*inputs, expected))
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=n * np.finfo("float32").eps * norm)


@all_cases
def test_gradient_is_that_of_central_differences(case: Case) -> None:
    assert check_gradients(case.tensor, *case.inputs()) < 1e-6


def typed(rule: Rule) -> Rule:
    """The rule, held to answer in the type of the gradient that comes in."""

    def checked(ops: Any, grad: Array, *arrays: Any, **options: Any) -> tuple[Array | None, ...]:
        results = rule(ops, grad, *arrays, **options)
        assert {x.dtype for x in results if x is not None} <= {grad.dtype}
        return results

    return checked


@all_cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_type_stays_through_forward_and_backward(case: Case, dtype: str) -> None:
    leaves = [Tensor(x, requires_grad=True) for x in case.inputs(dtype)]
    output = case.tensor(*leaves)
    backward(output, np.ones(output.shape, dtype), {name: typed(rule) for name, rule in GRADIENTS.items()})
    assert output.dtype == dtype
    for leaf in leaves:
        assert leaf.grad.dtype == dtype
        assert leaf.grad.shape == leaf.shape


def operations_of(tensor: Recorded) -> set[str]:
    if tensor.node is None:
        return set()
    return {tensor.node.operation}.union(*map(operations_of, tensor.node.parents()))


def test_every_derivative_has_a_case() -> None:
    used = [c.tensor(*(Tensor(x, requires_grad=True) for x in c.inputs())) for c in CASES]
    assert set().union(*map(operations_of, used)) == set(GRADIENTS)


def test_every_method_that_computes_has_a_case() -> None:
    others = {"__array__", "__bool__", "__float__", "__init__", "__len__", "__repr__"}
    others |= {"argmax", "backward", "detach", "item", "numpy"}
    methods = {name for name, _ in inspect.getmembers(Tensor, inspect.isfunction) if name in vars(Tensor)}
    computing = {name for name in methods - others if name.startswith("__") or not name.startswith("_")}
    assert computing <= {c.name for c in CASES}


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_argmax_is_numpys_and_has_no_gradient(axis: int | None, keepdims: bool) -> None:
    x = np.random.default_rng(0).standard_normal((3, 5)).astype("float32")
    x[:, 4] = x[:, 1]
    result = Tensor(x, requires_grad=True).argmax(axis, keepdims=keepdims)
    np.testing.assert_array_equal(result.numpy(), np.argmax(x, axis, keepdims=keepdims))
    assert not result.requires_grad
    assert Tensor(x).argmax(axis).shape == np.argmax(x, axis).shape


@pytest.mark.parametrize("name", ["max", "min"])
def test_equal_winners_share_the_gradient(name: str) -> None:
    x = Tensor([[2.0, 2, 1], [3, 3, 3], [1, 2, 1]], requires_grad=True)
    getattr(x if name == "max" else -x, name)(axis=1).backward(np.array([1.0, 3, 5]))
    sign = 1 if name == "max" else -1
    np.testing.assert_allclose(x.grad * sign, [[0.5, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 5.0, 0.0]], rtol=1e-6)


def test_slopes_at_the_kinks() -> None:
    x = Tensor([0.0, -0.0], requires_grad=True)
    (x.relu() + x.abs() + x.pow(0)).sum().backward()
    np.testing.assert_array_equal(x.grad, [0, 0])


def test_mean_and_variance_of_nothing_are_nan_as_in_numpy() -> None:
    for name in ("mean", "var"):
        x = Tensor(np.ones((3, 0)), requires_grad=True)
        with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="empty|freedom"):
            result = getattr(x, name)(1)
        assert np.isnan(result.numpy()).all()


def test_gradient_of_the_mean_of_nothing_is_nothing() -> None:
    x = Tensor(np.ones((0, 3)), requires_grad=True)
    (x.mean(1) + x.var(1)).backward(np.ones(0))
    assert x.grad.shape == (0, 3)


def test_operators_do_not_fall_back_to_numpys_loops() -> None:
    x = Tensor([1.0, 2.0])
    for result in (np.ones(2) * x, np.float64(2) * x, np.ones(2) + x, np.ones(2) @ x):
        assert isinstance(result, Tensor)
        assert result.dtype == np.float32


def test_integers_meet_numbers_as_in_numpy() -> None:
    ids = Tensor(np.array([1, 2, 3]))
    np.testing.assert_array_equal((ids * 0.5).numpy(), [0.5, 1, 1.5])
    assert (ids + 1).dtype == (ids**2).dtype == ids.dtype
    np.testing.assert_allclose(ids.softmax().numpy(), np_softmax(np.array([1.0, 2, 3])), rtol=1e-15)
