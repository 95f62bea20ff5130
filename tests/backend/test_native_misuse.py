"""Wrong arguments are TypeError or ValueError, never a fault; unusual ones give the right result."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.errors import ConfigError, ContextLengthError, ShapeError

native = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


N, C, V, H = 7, 9, 11, 3
OFFSETS = np.array([0, 3, 7])
PACKED = native.pack(normal(C, V))
X, QKV, TABLE, VECTOR = normal(N, C), normal(N, 3 * C), normal(V, C), normal(C)
IDS = np.arange(N, dtype=np.int32)
# Every operation as a function of one array of floats.
OPERATIONS: dict[str, tuple[NDArray[np.float32], Callable[[Any], Any]]] = {
    "linear": (X, lambda x: native.linear(x, PACKED)),
    "linear weight": (TABLE.T.copy(), lambda w: native.linear(X, w)),
    "linear bias": (normal(V), lambda b: native.linear(X, PACKED, b)),
    "linear residual": (normal(N, V), lambda r: native.linear(X, PACKED, None, r)),
    "matmul a": (X, lambda x: native.matmul(x, TABLE, transpose_b=True)),
    "matmul b": (TABLE, lambda x: native.matmul(X, x, transpose_b=True)),
    "pack": (TABLE, lambda x: native.pack(x).unpack()),
    "attention": (QKV, lambda x: native.attention(x, OFFSETS, H, True, 0.5)),
    "attention_backward": (X, lambda x: native.attention_backward(x, QKV, OFFSETS, H, True, 0.5)),
    "layer_norm": (X, lambda x: native.layer_norm(x, VECTOR, VECTOR, 1e-5)),
    "layer_norm weight": (VECTOR, lambda w: native.layer_norm(X, w, VECTOR, 1e-5)),
    "layer_norm_backward": (X, lambda x: native.layer_norm_backward(x, X, VECTOR, 1e-5)[0]),
    "sum_rows": (X, native.sum_rows),
    "activation": (X, lambda x: native.activation(x, "gelu")),
    "activation_backward": (X, lambda x: native.activation_backward(x, X, "gelu")),
    "exp": (X, native.exp),
    "softmax": (X, native.softmax),
    "log_softmax": (X, native.log_softmax),
    "softmax_backward": (X, lambda x: native.softmax_backward(x, X)),
    "embedding": (TABLE, lambda x: native.embedding(x, IDS)),
    "embedding_backward": (X, lambda x: native.embedding_backward(x, IDS, V)),
    "segment_sum": (X, lambda x: native.segment_sum(x, OFFSETS)),
    "top_k": (X, lambda x: native.top_k(x, 2)[0]),
    "cross_entropy": (X, lambda x: native.cross_entropy(x, TABLE, IDS)),
    "cross_entropy table": (TABLE, lambda x: native.cross_entropy(X, x, IDS)),
    "squared_norm": (X, lambda x: np.float64(native.squared_norm(x))),
}
EVERY = pytest.mark.parametrize("name", OPERATIONS)


def misaligned(values: NDArray[Any]) -> NDArray[Any]:
    """The same values one byte after an aligned address."""
    memory = np.zeros(values.nbytes + 1, np.uint8)
    shifted = memory[1:].view(values.dtype).reshape(values.shape)
    shifted[...] = values
    return shifted


@EVERY
def test_unusual_layouts_give_the_same_result(name: str) -> None:
    values, operation = OPERATIONS[name]
    expected = operation(values)
    doubled = np.repeat(values, 2, axis=-1)
    layouts = [
        np.asfortranarray(values),
        doubled[..., ::2],
        values[..., ::-1].copy()[..., ::-1],
        misaligned(values),
    ]
    for layout in layouts:
        assert np.array_equal(operation(layout), expected)
    row = np.broadcast_to(values[:1], values.shape)  # stride 0
    assert np.array_equal(operation(row), operation(row.copy()))
    read_only = values.copy()
    read_only.flags.writeable = False
    assert np.array_equal(operation(read_only), expected)


@EVERY
def test_other_types_are_refused(name: str) -> None:
    values, operation = OPERATIONS[name]
    swapped = values.astype(values.dtype.newbyteorder())
    for wrong in (values.astype(np.float64), values.astype(np.float16), swapped, values.tolist(), "text", 3):
        with pytest.raises(TypeError, match="expects an array of float32, got"):
            operation(wrong)


@EVERY
def test_other_numbers_of_axes_are_refused_or_right(name: str) -> None:
    values, operation = OPERATIONS[name]
    for wrong in (values[0], values[None], values[:0]):
        with contextlib.suppress(ShapeError, ValueError):
            operation(np.asarray(wrong))
    if name not in ("activation", "exp", "squared_norm", "pack"):
        with pytest.raises(ShapeError, match=r"got shape|expects|differ|does not split"):
            operation(np.zeros((), np.float32))


OUTPUTS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], NDArray[np.float32], bool]] = {
    "linear": ((N, V), lambda out: native.linear(X, PACKED, out=out), X, False),
    "matmul": ((N, V), lambda out: native.matmul(X, TABLE.T, out=out), X, False),
    "linear unpacked": ((N, V), lambda out: native.linear(X, TABLE.T, out=out), TABLE, False),
    "attention": ((N, C), lambda out: native.attention(QKV, OFFSETS, H, True, 0.5, out=out), QKV, False),
    "layer_norm": ((N, C), lambda out: native.layer_norm(X, VECTOR, VECTOR, 1e-5, out), X, True),
    "activation": ((N, C), lambda out: native.activation(X, "gelu", out), X, True),
    "softmax": ((N, C), lambda out: native.softmax(X, out), X, True),
    "log_softmax": ((N, C), lambda out: native.log_softmax(X, out), X, True),
    "embedding": ((N, C), lambda out: native.embedding(TABLE, IDS, out), TABLE, False),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_must_fit_as_they_are(name: str) -> None:
    shape, operation, _, _ = OUTPUTS[name]
    expected = operation(None)
    out = np.full(shape, np.nan, np.float32)
    assert operation(out) is out
    assert np.array_equal(out, expected)
    read_only = out.copy()
    read_only.flags.writeable = False
    for wrong in (
        read_only,
        np.asfortranarray(out),
        out[::-1],
        np.repeat(out, 2, 1)[:, ::2],
        misaligned(out),
    ):
        with pytest.raises(ValueError, match=f"{name.split(maxsplit=1)[0]}: out is written"):
            operation(wrong)
    for shape_of in (out[:-1], out[None], out.ravel()):
        with pytest.raises(ShapeError, match=f"{name.split(maxsplit=1)[0]}: out expects shape"):
            operation(np.ascontiguousarray(shape_of).copy())
    for wrong in (out.astype(np.float64), out.tolist()):
        with pytest.raises(TypeError, match=f"{name.split(maxsplit=1)[0]}: out expects"):
            operation(wrong)


@pytest.mark.parametrize("name", OUTPUTS)
def test_overlapping_outputs_are_refused(name: str) -> None:
    shape, operation, source, may_be_input = OUTPUTS[name]
    memory = np.zeros(source.size + 200, np.float32)
    memory[: source.size] = source.ravel()
    size = int(np.prod(shape))
    overlapping = memory[4 : 4 + size].reshape(shape)
    replaced = {id(X): "X", id(QKV): "QKV", id(TABLE): "TABLE"}[id(source)]
    saved = globals()[replaced]
    globals()[replaced] = memory[: source.size].reshape(source.shape)
    try:
        with pytest.raises(ValueError, match="overlaps an input"):
            operation(overlapping)
        if may_be_input:
            expected = operation(None)
            assert np.array_equal(operation(globals()[replaced]), expected)
    finally:
        globals()[replaced] = saved


def test_integers_out_of_range_are_refused() -> None:
    for ids in (np.array([V] * N), np.array([-1] * N), np.array([2**40] * N)):
        with pytest.raises(ValueError, match="embedding: ids"):
            native.embedding(TABLE, ids)
    with pytest.raises(ValueError, match="targets must lie"):
        native.cross_entropy(X, TABLE, np.full(N, V))
    with pytest.raises(TypeError, match="expects an array of int32 or int64, got float64"):
        native.embedding(TABLE, np.zeros(3))
    for offsets in ([], [0], [0, 6], [1, 7], [0, 5, 3, 7], [0, 8]):
        with pytest.raises(ValueError, match="offsets must rise from 0"):
            native.segment_sum(X, np.array(offsets, np.int64))


def test_cache_misuse() -> None:
    keys_shape, values_shape = native.cache_shapes(2, H, 16, C // H)
    keys, values, lengths = (
        np.zeros(keys_shape, np.float32),
        np.zeros(values_shape, np.float32),
        np.zeros(2, np.int32),
    )

    def attend(**changed: Any) -> None:
        arguments = {"keys": keys, "values": values, "lengths": lengths} | changed
        native.attention_cached(QKV, OFFSETS, n_head=H, scale=1.0, **arguments)

    attend()
    with pytest.raises(ContextLengthError, match="sequence 1 needs 17 rows of the cache, it has 16"):
        attend(lengths=np.array([0, 13], np.int32))
    with pytest.raises(ContextLengthError):
        attend(lengths=np.array([-1, 0], np.int32))
    with pytest.raises(ShapeError):
        attend(keys=keys[:, :, :, :, :8].copy())
    with pytest.raises(ShapeError):
        attend(lengths=np.zeros(3, np.int32))
    with pytest.raises(TypeError):
        attend(values=values.astype(np.float16))
    keys.flags.writeable = False
    with pytest.raises(ValueError, match="keys is written, but it is read-only"):
        attend()


def test_names_are_checked() -> None:
    with pytest.raises(ConfigError, match="expected one of none, relu, silu, gelu, gelu_tanh, got 'swish'"):
        native.activation(X, "swish")
    with pytest.raises(ConfigError, match="one of float32, bfloat16, int8, got 'int4'"):
        native.pack(TABLE, "int4")
    with pytest.raises(ShapeError, match="does not split into 4 heads of queries and twice 4 of keys"):
        native.attention(QKV, OFFSETS, 4, True, 1.0)
    with pytest.raises(
        ShapeError, match=r"weight expects 9 input features, got x of shape \(7, 27\); does n_embd"
    ):
        native.linear(QKV, PACKED)
    for count in (0, -1, 10**6):
        with pytest.raises(ConfigError, match="expected 1 to 256 threads"):
            native.set_threads(count)


def test_adamw_misuse() -> None:
    rates = {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0}
    p, m, v = X.copy(), X.copy(), X.copy()
    native.adamw(p, m, v, X, step=1, **rates)
    for wrong in ((p, p, v, X), (p, m, v, p), (p, m, v[:-1].copy(), X), (np.asfortranarray(p), m, v, X)):
        with pytest.raises(ValueError, match="adamw: "):
            native.adamw(*wrong, step=1, **rates)
    with pytest.raises(ValueError, match="step counts from 1"):
        native.adamw(p, m, v, X, step=0, **rates)
