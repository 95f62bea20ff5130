"""The table of derivatives: from an operation to its rule for gradients. It knows no engine.

A rule is called as `rule(ops, grad, output, *inputs, **options)` with arrays, where `grad` is the gradient
with respect to the output. It returns one gradient for each input, None where there is none.
"""

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

from hornbook.backend import Activation, Array, Axis, Ops, Packed
from hornbook.errors import ConfigError

__all__ = ["GRADIENTS", "Rule"]

Grads: TypeAlias = tuple[Array | None, ...]

Rule: TypeAlias = Callable[..., Grads]
"""It may return `grad` itself, or views of it, but no other array for two inputs."""


# Arithmetic: z = f(x, y) with broadcasting, so each gradient is summed back to the shape of its input.


def add(ops: Ops, grad: Array, _: Array, x: Array, y: Array) -> Grads:
    """d(x + y) = dx + dy."""
    return ops.sum_to(grad, x.shape), ops.sum_to(grad, y.shape)


def sub(ops: Ops, grad: Array, _: Array, x: Array, y: Array) -> Grads:
    """d(x - y) = dx - dy."""
    return ops.sum_to(grad, x.shape), ops.sum_to(ops.neg(grad), y.shape)


def mul(ops: Ops, grad: Array, _: Array, x: Array, y: Array) -> Grads:
    """d(xy) = y dx + x dy."""
    return ops.sum_to(ops.mul(grad, y), x.shape), ops.sum_to(ops.mul(grad, x), y.shape)


def div(ops: Ops, grad: Array, z: Array, x: Array, y: Array) -> Grads:
    """d(x/y) = dx / y - (x/y) dy / y."""
    scaled = ops.div(grad, y)
    return ops.sum_to(scaled, x.shape), ops.sum_to(ops.neg(ops.mul(scaled, z)), y.shape)


def neg(ops: Ops, grad: Array, _: Array, __: Array) -> Grads:
    """d(-x) = -dx."""
    return (ops.neg(grad),)


def pow_(ops: Ops, grad: Array, _: Array, x: Array, *, exponent: float) -> Grads:
    """d(x^n) = n x^(n-1) dx; 0 for n = 0, also where x is 0."""
    if exponent == 0:
        return (ops.mul(grad, 0),)
    return (ops.mul(grad, ops.mul(ops.pow(x, exponent - 1), exponent)),)


def exp(ops: Ops, grad: Array, y: Array, _: Array) -> Grads:
    """d(e^x) = e^x dx."""
    return (ops.mul(grad, y),)


def log(ops: Ops, grad: Array, _: Array, x: Array) -> Grads:
    """d(ln x) = dx / x."""
    return (ops.div(grad, x),)


def sqrt(ops: Ops, grad: Array, y: Array, _: Array) -> Grads:
    """d(sqrt x) = dx / (2 sqrt x)."""
    return (ops.div(grad, ops.mul(y, 2)),)


def tanh(ops: Ops, grad: Array, y: Array, _: Array) -> Grads:
    """With y = tanh(x): dy = (1 - y^2) dx."""
    return (ops.mul(grad, ops.sub(1, ops.mul(y, y))),)


def sigmoid(ops: Ops, grad: Array, y: Array, _: Array) -> Grads:
    """With s = sigmoid(x): ds = s (1 - s) dx."""
    return (ops.mul(grad, ops.mul(y, ops.sub(1, y))),)


def abs_(ops: Ops, grad: Array, _: Array, x: Array) -> Grads:
    """d|x| = sign(x) dx; 0 at 0."""
    return (ops.mul(grad, ops.sign(x)),)


def matmul(ops: Ops, grad: Array, _: Array, x: Array, y: Array) -> Grads:
    """d(XY): dX = dZ Y^T, dY = X^T dZ. A vector is taken as a matrix with one row (x) or column (y)."""
    rows = ops.unsqueeze(x, 0) if x.ndim == 1 else x
    columns = ops.unsqueeze(y, 1) if y.ndim == 1 else y
    if x.ndim == 1:
        grad = ops.unsqueeze(grad, grad.ndim if y.ndim == 1 else grad.ndim - 1)
    if y.ndim == 1:
        grad = ops.unsqueeze(grad, grad.ndim)
    dx = ops.sum_to(ops.matmul(grad, ops.transpose(columns, -1, -2)), rows.shape)
    dy = ops.sum_to(ops.matmul(ops.transpose(rows, -1, -2), grad), columns.shape)
    return ops.reshape(dx, x.shape), ops.reshape(dy, y.shape)


# Shapes: the gradient gets the shape of the input again.


def reshape(ops: Ops, grad: Array, _: Array, x: Array, **__: Any) -> Grads:
    """The gradient in the shape of x; serves every operation that only changes the shape."""
    return (ops.reshape(grad, x.shape),)


def permute(ops: Ops, grad: Array, _: Array, __: Array, *, axes: tuple[int, ...]) -> Grads:
    """The inverse permutation."""
    inverse = sorted(range(len(axes)), key=lambda i: axes[i] % len(axes))
    return (ops.permute(grad, tuple(inverse)),)


def transpose(ops: Ops, grad: Array, _: Array, __: Array, *, axis1: int, axis2: int) -> Grads:
    """The same swap undoes itself."""
    return (ops.transpose(grad, axis1, axis2),)


def broadcast_to(ops: Ops, grad: Array, _: Array, x: Array, **__: Any) -> Grads:
    """A value that was repeated gets the sum of the gradients of its copies."""
    return (ops.sum_to(grad, x.shape),)


def cat(ops: Ops, grad: Array, _: Array, *arrays: Array, axis: int) -> Grads:
    """Each input gets its part of the gradient."""
    axis %= grad.ndim
    parts, begin = [], 0
    for x in arrays:
        end = begin + x.shape[axis]
        parts.append(ops.getitem(grad, (slice(None),) * axis + (slice(begin, end),)))
        begin = end
    return tuple(parts)


# Indexing: elements that were not taken get zero.


def getitem(ops: Ops, grad: Array, _: Array, x: Array, *, index: Any) -> Grads:
    """The gradient of each element that was taken, summed where it was taken twice."""
    return (ops.scatter_add(grad, index, x.shape),)


def masked_fill(ops: Ops, grad: Array, _: Array, x: Array, mask: Array, *, value: float) -> Grads:
    """Filled elements get no gradient."""
    return ops.sum_to(ops.masked_fill(grad, mask, 0), x.shape), None


def tril(ops: Ops, grad: Array, _: Array, __: Array, *, k: int) -> Grads:
    """Removed elements get no gradient."""
    return (ops.tril(grad, k),)


def triu(ops: Ops, grad: Array, _: Array, __: Array, *, k: int) -> Grads:
    """Removed elements get no gradient."""
    return (ops.triu(grad, k),)


# Reductions: the gradient is spread over the elements that were reduced.


def sum_(ops: Ops, grad: Array, _: Array, x: Array, *, axis: Axis, keepdims: bool) -> Grads:
    """Every term gets the whole gradient."""
    return (_spread(ops, grad, x, axis, keepdims),)


def mean(ops: Ops, grad: Array, _: Array, x: Array, *, axis: Axis, keepdims: bool) -> Grads:
    """Every term gets its n-th part of the gradient."""
    return (ops.div(_spread(ops, grad, x, axis, keepdims), _count(x, axis)),)


def var(ops: Ops, grad: Array, _: Array, x: Array, *, axis: Axis, keepdims: bool) -> Grads:
    """d(mean((x - m)^2)) = 2 (x - m) dx / n; the part through the mean m cancels."""
    centred = ops.sub(x, ops.mean(x, axis, keepdims=True))
    return (ops.mul(_spread(ops, grad, x, axis, keepdims), ops.div(centred, _count(x, axis) / 2)),)


def extreme(ops: Ops, grad: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Grads:
    """For max and min: equal winners share the gradient evenly, as in torch.amax."""
    winners = ops.equal(x, _spread(ops, y, x, axis, keepdims))
    shares = ops.div(winners, ops.sum(winners, axis, keepdims=True))
    return (ops.mul(_spread(ops, grad, x, axis, keepdims), ops.asarray(shares, x.dtype)),)


def _spread(ops: Ops, reduced: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    if not keepdims:
        for a in _reduced_axes(x, axis):
            reduced = ops.unsqueeze(reduced, a)
    return ops.broadcast_to(reduced, x.shape)


def _count(x: Array, axis: Axis) -> int:
    """How many elements became one."""
    return prod(x.shape[a] for a in _reduced_axes(x, axis))


def _reduced_axes(x: Array, axis: Axis) -> list[int]:
    if axis is None:
        return list(range(x.ndim))
    return sorted(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))


# Fused operations: their derivatives are operations of the backend themselves.


def activation(ops: Ops, grad: Array, _: Array, x: Array, *, kind: Activation) -> Grads:
    """See `Ops.activation_backward`."""
    return (ops.activation_backward(grad, x, kind=kind),)


def softmax(ops: Ops, grad: Array, y: Array, _: Array, *, axis: int) -> Grads:
    """See `Ops.softmax_backward`."""
    return (ops.softmax_backward(grad, y, axis=axis),)


def log_softmax(ops: Ops, grad: Array, y: Array, _: Array, *, axis: int) -> Grads:
    """See `Ops.log_softmax_backward`."""
    return (ops.log_softmax_backward(grad, y, axis=axis),)


def linear(
    ops: Ops,
    grad: Array,
    _: Array,
    x: Array,
    weight: Array,
    bias: Array | None,
    residual: Array | None,
    *,
    activation: Activation = "none",
) -> Grads:
    """See `Ops.linear_backward`; with an activation, the values before it are computed again."""
    _check_unpacked(weight)
    inner = grad
    if activation != "none":
        inner = ops.activation_backward(grad, ops.linear(x, weight, bias), kind=activation)
    dx, dweight, dbias = ops.linear_backward(inner, x, weight)
    return dx, dweight, None if bias is None else dbias, None if residual is None else grad


def unembed(ops: Ops, grad: Array, _: Array, x: Array, table: Array) -> Grads:
    """See `Ops.unembed_backward`."""
    _check_unpacked(table)
    return ops.unembed_backward(grad, x, table)


def layer_norm(
    ops: Ops, grad: Array, _: Array, x: Array, weight: Array, bias: Array | None, *, eps: float
) -> Grads:
    """See `Ops.layer_norm_backward`."""
    dx, dweight, dbias = ops.layer_norm_backward(grad, x, weight, eps=eps)
    return dx, dweight, None if bias is None else dbias


def embedding(ops: Ops, grad: Array, _: Array, table: Array, ids: Array) -> Grads:
    """See `Ops.embedding_backward`."""
    return ops.embedding_backward(grad, ids, table.shape[0]), None


def attention(
    ops: Ops, grad: Array, _: Array, qkv: Array, offsets: Array, bias: Array | None, **options: Any
) -> Grads:
    """See `Ops.attention_backward`. Rows in a cache have left the graph, so there must be none."""
    if options.pop("cache", None) is not None:
        raise ConfigError("attention: no gradients through a cache; call the model without one")
    dqkv, dbias = ops.attention_backward(grad, qkv, offsets, bias, **options)
    return dqkv, None, dbias


def distance_bias(ops: Ops, grad: Array, _: Array, bias: Array, **__: int) -> Grads:
    """See `Ops.distance_bias_backward`."""
    return (ops.distance_bias_backward(grad, bias.shape[1]),)


def cross_entropy(ops: Ops, grad: Array, _: Array, x: Array, table: Array, targets: Array) -> Grads:
    """See `Ops.cross_entropy_backward`."""
    _check_unpacked(table)
    return *ops.cross_entropy_backward(grad, x, table, targets), None


def scaled(ops: Ops, grad: Array, _: Array, *__: Array, gradients: list[Array]) -> Grads:
    """The gradients that were computed with the value, which are used up: see `apply_with_gradients`."""
    if not gradients:
        raise ConfigError("backward: the gradients of this loss are used up; compute it again")
    given = tuple(gradients)
    gradients.clear()
    return given if ops.item(grad) == 1 else tuple(ops.mul(gradient, grad) for gradient in given)


def segment_sum(ops: Ops, grad: Array, _: Array, __: Array, offsets: Array, weights: Array | None) -> Grads:
    """See `Ops.segment_sum_backward`."""
    return ops.segment_sum_backward(grad, offsets, weights), None, None


def _check_unpacked(weight: Array | Packed) -> None:
    if isinstance(weight, Packed):
        raise ConfigError("backward: packed weights give no gradients; load the model with trainable=True")


GRADIENTS: dict[str, Rule] = {
    "add": add, "sub": sub, "mul": mul, "div": div, "neg": neg, "pow": pow_, "exp": exp, "log": log,
    "sqrt": sqrt, "tanh": tanh, "sigmoid": sigmoid, "abs": abs_, "matmul": matmul,
    "reshape": reshape, "unsqueeze": reshape, "squeeze": reshape, "permute": permute,
    "transpose": transpose, "broadcast_to": broadcast_to, "cat": cat,
    "getitem": getitem, "masked_fill": masked_fill, "tril": tril, "triu": triu,
    "sum": sum_, "mean": mean, "var": var, "max": extreme, "min": extreme,
    "activation": activation, "softmax": softmax, "log_softmax": log_softmax,
    "linear": linear, "unembed": unembed, "embedding": embedding, "layer_norm": layer_norm,
    "attention": attention, "distance_bias": distance_bias, "cross_entropy": cross_entropy,
    "segment_sum": segment_sum, "scaled": scaled,
}  # fmt: skip
