"""Checks derivatives against differences."""

from collections.abc import Callable

from hornbook.backend import Array, get_backend
from hornbook.tensor.tensor import Tensor

__all__ = ["check_gradients"]


def check_gradients(
    function: Callable[..., Tensor], *inputs: Array, step: float = 1e-5, seed: int = 0
) -> float:
    """The relative error of `backward` against central differences, (f(x+h) - f(x-h)) / 2h.

    The result of `function` is weighted with random numbers and summed, so that every element counts
    with another weight.

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

    def weighted_sum() -> float:
        return float(ops.sum(ops.mul(function(*(Tensor(point) for point in points)).data, weights)))

    errors = [
        _relative_error(leaf.grad, _central_differences(weighted_sum, point, step))
        for leaf, point in zip(leaves, points, strict=True)
    ]
    return float(ops.max(ops.asarray(errors)))  # unlike Python's max, it lets NaN through


def _central_differences(function: Callable[[], float], point: Array, step: float) -> Array:
    """Moves one element of `point` at a time, in place, and puts it back."""
    ops = get_backend()
    result = ops.full(point.shape, 0.0, "float64")
    moving, slopes = point.reshape(-1), result.reshape(-1)
    for i, value in enumerate(moving.tolist()):
        moving[i] = value + step
        above = function()
        moving[i] = value - step
        slopes[i] = (above - function()) / (2 * step)
        moving[i] = value
    return result


def _relative_error(analytic: Array | None, numeric: Array) -> float:
    ops = get_backend()
    if analytic is None:
        return float(ops.max(ops.abs(numeric))) if numeric.size else 0.0
    difference, scale = (
        _norm(x) for x in (ops.sub(analytic, numeric), ops.add(ops.abs(analytic), ops.abs(numeric)))
    )
    return difference / scale if scale else 0.0


def _norm(x: Array) -> float:
    ops = get_backend()
    return float(ops.sqrt(ops.sum(ops.mul(x, x))))
