"""Checks derivatives against differences."""

from collections.abc import Callable
from functools import partial

from hornbook.backend import Array, get_backend
from hornbook.tensor.tensor import Tensor

__all__ = ["check_gradients"]


def check_gradients(
    function: Callable[..., Tensor], *inputs: Array, step: float = 1e-5, seed: int = 0
) -> float:
    """The relative error of `backward` against central differences, (f(x+h) - f(x-h)) / 2h.

    The result of `function` is weighted with random numbers and summed, so that each element has its
    own weight.

    Args:
        function: takes as many tensors as there are inputs and returns one.
        inputs: arrays, computed with in float64.
        step: h. The error of the difference itself is of order h^2 + 1e-16 / h, relative.
        seed: for the weights.

    Returns:
        The largest |a - n| / (|a| + |n|) over the inputs, with a and n the two gradients as vectors.
    """
    ops = get_backend()
    points = [ops.copy(x, "float64") for x in inputs]
    leaves = [Tensor(point, requires_grad=True) for point in points]
    output = function(*leaves)
    weights = ops.normal(output.shape, 1.0, ops.generator(seed), "float64")
    output.backward(weights)

    def weighted_sum(index: int, moved: Array) -> float:
        arguments = [*points[:index], moved, *points[index + 1 :]]
        return ops.item(ops.sum(ops.mul(function(*map(Tensor, arguments)).data, weights)))

    errors = [
        _relative_error(leaf.grad, _central_differences(partial(weighted_sum, index), leaf.data, step))
        for index, leaf in enumerate(leaves)
    ]
    return ops.item(ops.max(ops.asarray(errors)))  # unlike Python's max, it lets NaN through


def _central_differences(function: Callable[[Array], float], point: Array, step: float) -> Array:
    """The slope of `function` at `point`, with one element moved at a time."""
    ops = get_backend()
    slopes = []
    for i in range(point.size):
        one = ops.scatter_add(ops.full((1,), step, "float64"), [i], (point.size,))
        move = ops.reshape(one, point.shape)
        slopes.append((function(ops.add(point, move)) - function(ops.sub(point, move))) / (2 * step))
    return ops.reshape(ops.asarray(slopes, "float64"), point.shape)


def _relative_error(analytic: Array | None, numeric: Array) -> float:
    ops = get_backend()
    if analytic is None:
        return ops.item(ops.max(ops.abs(numeric))) if numeric.size else 0.0
    difference = _norm(ops.sub(analytic, numeric))
    scale = _norm(ops.add(ops.abs(analytic), ops.abs(numeric)))
    return difference / scale if scale else 0.0


def _norm(x: Array) -> float:
    ops = get_backend()
    return ops.item(ops.sqrt(ops.sum(ops.mul(x, x))))
