"""Every operation that has a kernel, against the reference: same signature, same result within rounding."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import ACTIVATIONS, WEIGHT_TYPES, Ops, use_backend
from hornbook.errors import ShapeError

pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")
native = importlib.import_module("hornbook.backend.native")

Array = NDArray[Any]
REFERENCE = Ops()
NATIVE = native.NativeOps()
EPS = float(np.finfo(np.float32).eps)
SIZES = [
    0,
    1,
    2,
    3,
    5,
    7,
    8,
    11,
    13,
    16,
    17,
    19,
    23,
    29,
    31,
    32,
]  # to twice the width of a register, and beyond
NO_RESULT = {
    "pack",
    "pack_table",
    "new_cache",
    "describe",
    "repeatable",
}  # what they are for is checked
RNG = np.random.default_rng(0)

OVERRIDDEN = sorted(name for name in vars(native.NativeOps) if not name.startswith("_") and name != "name")


def draw(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def offsets(*lengths: int) -> Array:
    return np.cumsum([0, *lengths], dtype=np.int32)


Case = tuple[str, tuple[Any, ...], dict[str, Any], float]
"""Operation, arguments, options, and how many roundings of numbers of size one lie between the results."""


def elementwise(n: int) -> Iterator[Case]:
    yield "add", (draw(3, n), draw(3, n)), {}, 0
    yield "add", (draw(3, n), draw(n)), {}, 0
    for kind in ACTIVATIONS:
        yield "activation", (3 * draw(n),), {"kind": kind}, 8
        yield "activation_backward", (draw(n), 3 * draw(n)), {"kind": kind}, 24
    if n:
        for name in ("softmax", "log_softmax"):
            x = 2 * draw(3, n)
            yield name, (x,), {}, 16
            yield f"{name}_backward", (draw(3, n), getattr(REFERENCE, name)(x)), {}, 16 + 4 * n
        yield "layer_norm", (draw(3, n), draw(n), draw(n)), {"eps": 1e-2}, 32 + n
        yield "layer_norm_backward", (draw(3, n), draw(3, n), draw(n)), {"eps": 1e-2}, 64 + 8 * n
    yield "top_k", (draw(2, n).round(1), min(n, 3)), {}, 0
    yield "squared_norm", (draw(n),), {}, 2 * n


def products(n: int) -> Iterator[Case]:
    x, weight, bias, residual = draw(5, n), draw(n, 7), draw(7), draw(5, 7)
    yield "linear", (x, weight, bias, residual), {"activation": "gelu_tanh"}, 8 * (n + 4)
    yield "linear", (x.T.copy(), x), {}, 8 * 5 + 8
    yield "linear_backward", (draw(5, 7), x, weight), {}, 8 * (n + 8)
    yield "unembed", (x, weight.T.copy()), {}, 8 * (n + 4)
    yield "unembed_backward", (draw(5, 7), x, weight.T.copy()), {}, 8 * (n + 8)
    yield "matmul", (x, weight), {}, 8 * (n + 4)


def lookups(n: int) -> Iterator[Case]:
    ids = RNG.integers(0, 11, 2 * n).astype(np.int32)
    yield "embedding", (draw(11, 5), ids), {}, 0
    yield "embedding_backward", (draw(2 * n, 5), ids, 11), {}, 8 * (n + 1)
    weights = draw(2 * n + 3)
    yield "segment_sum", (draw(2 * n + 3, 5), offsets(n, 0, n, 3), weights), {}, 8 * (n + 3)
    yield "segment_sum", (draw(n, n), offsets(n)), {}, 8 * (n + 1)
    table, targets = draw(13, 5), RNG.integers(-1, 13, n).astype(np.int32)
    yield "cross_entropy", (draw(n, 5), table, targets), {}, 128
    yield "cross_entropy_backward", (draw(n), draw(n, 5), table, targets), {}, 128 + 16 * n
    yield "cross_entropy_with_gradients", (draw(n, 5), table, targets, draw(n)), {}, 128 + 64 * n


def attentions(n: int) -> Iterator[Case]:
    for causal in (True, False):
        options = {"n_head": 3, "causal": causal, "scale": 0.4}
        lengths = offsets(n, 0, 2)
        qkv = draw(n + 2, 3 * 3 * 5)
        yield "attention", (qkv, lengths), options, 64
        yield "attention_backward", (draw(n + 2, 15), qkv, lengths), options, 256 + 16 * n
        shared = draw(n + 2, (6 + 2 * 2) * 5)
        options = {"n_head": 6, "n_kv_head": 2, "causal": causal, "scale": 0.4}
        yield "attention", (shared, lengths), options, 64
        yield "attention", (shared, lengths, draw(6, 7)), options, 64
        yield "attention", (shared, lengths, draw(6, 2 * n + 9)), options, 64
        yield "attention_backward", (draw(n + 2, 30), shared, lengths, draw(6, 7)), options, 256 + 16 * n


CASES = [case for n in SIZES for make in (elementwise, products, lookups, attentions) for case in make(n)]


def arrays_of(result: Any) -> list[Array]:
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(part) for part in parts if part is not None]


def assert_near(actual: Any, expected: Any, roundings: float) -> None:
    for ours, theirs in zip(arrays_of(actual), arrays_of(expected), strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        size = max(1.0, float(np.max(np.abs(theirs), initial=0)))
        assert np.max(np.abs(ours - theirs), initial=0) <= roundings * EPS * size


@pytest.mark.parametrize(
    ("operation", "arguments", "options", "roundings"),
    CASES,
    ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)],
)
def test_same_result(
    operation: str, arguments: tuple[Any, ...], options: dict[str, Any], roundings: float
) -> None:
    expected = getattr(REFERENCE, operation)(*arguments, **options)
    assert_near(getattr(NATIVE, operation)(*arguments, **options), expected, roundings)


def test_every_kernel_has_a_case() -> None:
    assert set(OVERRIDDEN) - NO_RESULT - {"adamw"} == {case[0] for case in CASES} & set(OVERRIDDEN)


@pytest.mark.parametrize("operation", OVERRIDDEN)
def test_same_signature(operation: str) -> None:
    ours, theirs = (inspect.signature(getattr(cls, operation)) for cls in (native.NativeOps, Ops))
    assert list(ours.parameters) == list(theirs.parameters)
    for name, parameter in theirs.parameters.items():
        assert ours.parameters[name].kind == parameter.kind
        assert ours.parameters[name].default == parameter.default


@pytest.mark.parametrize("operation", OVERRIDDEN)
def test_float64_is_left_to_the_reference(operation: str) -> None:
    for name, arguments, options, _ in CASES:
        if name == operation:
            wide = [x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 else x for x in arguments]
            expected = arrays_of(getattr(REFERENCE, operation)(*wide, **options))
            for ours, theirs in zip(
                arrays_of(getattr(NATIVE, operation)(*wide, **options)), expected, strict=True
            ):
                np.testing.assert_array_equal(ours, theirs)


def test_adamw() -> None:
    states = []
    for ops in (REFERENCE, NATIVE):
        rng = np.random.default_rng(1)
        parameter, m, v = rng.standard_normal((7, 5)).astype(np.float32), *np.zeros((2, 7, 5), np.float32)
        for step in range(1, 6):
            grad = rng.standard_normal((7, 5)).astype(np.float32)
            ops.adamw(
                parameter,
                grad,
                m,
                v,
                lr=1e-2,
                betas=(0.9, 0.95),
                eps=1e-8,
                weight_decay=0.1,
                step=step,
                grad_scale=0.5,
            )
        states.append((parameter, m, v))
    assert_near(states[1], states[0], 32)


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
@pytest.mark.parametrize("n", [1, 17, 255, 256, 257, 513])
def test_packed_weights_hold_what_the_reference_says(dtype: Any, n: int) -> None:
    weight = draw(n, 19)
    ours, theirs = NATIVE.pack(weight, dtype), REFERENCE.pack(weight, dtype)
    assert ours.shape == theirs.shape == weight.shape
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_array_equal(ours.unpack(), theirs.unpack())
    table = draw(19, n)
    packed, values = NATIVE.pack_table(table, dtype), REFERENCE.pack_table(table, dtype)
    assert packed.shape == values.shape == table.shape
    np.testing.assert_array_equal(packed.unpack(), values.unpack())
    ids = np.array([[3, 0], [18, 3]], np.int32)
    np.testing.assert_array_equal(NATIVE.embedding(packed, ids), values.unpack()[ids])


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_products_with_packed_weights(dtype: Any) -> None:
    x, weight, bias, residual = draw(11, 257), draw(257, 23), draw(23), draw(11, 23)
    # int8 also rounds x, to 15 bits of its largest element in a row
    rounding = np.abs(x).max() / 32767 * np.abs(weight).sum(axis=0).max() if dtype == "int8" else 0
    expected = REFERENCE.linear(x, REFERENCE.pack(weight, dtype), bias, residual, activation="relu")
    actual = NATIVE.linear(x, NATIVE.pack(weight, dtype), bias, residual, activation="relu")
    assert np.max(np.abs(actual - expected)) <= 8 * 257 * EPS * np.abs(expected).max() + rounding
    table = NATIVE.pack_table(weight.T, dtype)
    np.testing.assert_array_equal(NATIVE.unembed(x, table), NATIVE.linear(x, NATIVE.pack(weight, dtype)))


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_what_another_backend_has_packed_is_multiplied_by_kernels_too(dtype: Any) -> None:
    x, weight = draw(11, 1031), REFERENCE.pack(draw(1031, 23), dtype)
    expected = NATIVE.linear(x, weight.unpack())
    np.testing.assert_array_equal(NATIVE.linear(x, weight), expected)
    table = REFERENCE.pack_table(draw(23, 1031), dtype)
    np.testing.assert_array_equal(NATIVE.unembed(x, table), NATIVE.unembed(x, table.unpack()))


def test_losses_from_a_packed_table() -> None:
    x, table, targets = draw(7, 5), draw(13, 5), np.array([0, 12, -1, 3, 3, 5, 7], np.int32)
    assert_near(
        NATIVE.cross_entropy(x, NATIVE.pack_table(table, "float32"), targets),
        REFERENCE.cross_entropy(x, table, targets),
        128,
    )


@pytest.mark.parametrize("make", [elementwise, products, lookups, attentions])
def test_kernels_change_no_input(make: Callable[[int], Iterator[Case]]) -> None:
    for operation, arguments, options, _ in make(19):
        before = [np.copy(x) for x in arguments]
        getattr(NATIVE, operation)(*arguments, **options)
        for x, copy in zip(arguments, before, strict=True):
            np.testing.assert_array_equal(x, copy)


def test_the_native_backend_can_be_chosen() -> None:
    with use_backend("native") as ops:
        assert ops.name == "native"


@pytest.mark.parametrize("ids", [np.array([0, 13], np.int32), np.array([-1], np.int32), np.array([0.5])])
def test_wrong_ids_are_told_in_the_same_words(ids: Array) -> None:
    table = draw(13, 5)
    messages = []
    for ops, form in ((REFERENCE, table), (NATIVE, table), (NATIVE, NATIVE.pack_table(table, "int8"))):
        with pytest.raises(ShapeError, match=r"^embedding: ids must be") as error:
            ops.embedding(form, ids)
        messages.append(str(error.value))
    assert len(set(messages)) == 1


ADAMW: Case = (
    "adamw",
    (draw(7), draw(7), draw(7), np.ones(7, np.float32)),
    {"lr": 0.1, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1, "step": 1},
    0,
)


@pytest.mark.parametrize("operation", sorted(set(OVERRIDDEN) - NO_RESULT))
def test_float32_is_computed_by_the_kernel_alone(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference gives nearly the same numbers, so a fallback to it would go unseen."""

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail(f"{operation} of float32 fell back to the reference")

    monkeypatch.setattr(Ops, operation, refuse)
    for name, arguments, options, _ in (*CASES, ADAMW):
        broadcasts = name == "add" and arguments[0].shape != arguments[1].shape
        shares_heads = name == "attention_backward" and ("n_kv_head" in options or len(arguments) > 3)
        is_rare = options.get("kind") == "quick_gelu"
        if name == operation and not (broadcasts or shares_heads or is_rare):  # which have no kernel
            getattr(NATIVE, operation)(*arguments, **options)
