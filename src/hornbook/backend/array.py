"""Creation, arithmetic, shapes, indexing and reductions: NumPy's own, one line each.

They are for learning and for unusual models; no hot path uses them. The fused operations that matter for
speed are in the neighbouring files.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook.backend.types import Array, Axis, Generator
from hornbook.errors import ConfigError, ShapeError

__all__ = ["ArrayOps"]


class ArrayOps:
    """Operations on arrays of any shape, with NumPy's broadcasting."""

    # Creation

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Makes an array of this backend from nested lists, scalars or an ndarray."""
        return np.asarray(values, dtype=dtype)

    def copy(self, values: Any, dtype: Any = None) -> Array:
        """Like `asarray`, in memory of its own, row by row without gaps."""
        return np.array(values, dtype, order="C")

    def owns_memory(self, x: Array) -> bool:
        """Whether x is no view of another array."""
        return x.base is None

    def to_numpy(self, x: Array) -> Array:
        """The values as an ndarray, for printing, saving and comparing."""
        return np.asarray(x)

    def item(self, x: Array) -> float:
        """The value of an array that has only one element."""
        return float(x.item())

    def empty(self, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
        """Uninitialised memory: costs nothing until it is written."""
        return np.empty(shape, dtype)

    def full(self, shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Array:
        """An array that holds `value` everywhere."""
        return np.full(shape, value, dtype)

    def arange(self, start: float, stop: float, step: float = 1, dtype: Any = np.float32) -> Array:
        """The numbers from `start` up to, not including, `stop`.

        Raises:
            ConfigError: step is 0.
        """
        if step == 0:
            raise ConfigError("arange: step must not be 0")
        return np.arange(start, stop, step).astype(dtype)

    def eye(self, n: int, m: int | None = None, dtype: Any = np.float32) -> Array:
        """Ones on the diagonal of an `[n, m]` matrix, zeros elsewhere."""
        return np.eye(n, m, dtype=dtype)

    def generator(self, seed: int | None = None) -> Generator:
        """A source of random numbers: the same seed gives the same numbers, None different ones each time."""
        return np.random.default_rng(seed)

    def generator_state(self, rng: Generator) -> dict[str, Any]:
        """Where a source of random numbers has got to, as what JSON can hold."""
        return dict(rng.bit_generator.state)

    def set_generator_state(self, rng: Generator, state: Mapping[str, Any]) -> None:
        """Makes a source go on from what `generator_state` gave.

        Raises:
            ConfigError: it is not such a state.
        """
        try:
            rng.bit_generator.state = dict(state)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ConfigError(
                f"generator: not a state of {type(rng.bit_generator).__name__}: {error}"
            ) from None

    def normal(self, shape: tuple[int, ...], std: float, rng: Generator, dtype: Any = np.float32) -> Array:
        """Draws from the normal distribution with mean 0 and standard deviation `std`."""
        return (rng.standard_normal(shape) * std).astype(dtype)

    def bernoulli(self, shape: tuple[int, ...], p: float, rng: Generator) -> Array:
        """True with probability `p`, independently everywhere."""
        return np.asarray(rng.random(shape) < p)

    # Arithmetic

    def add(self, x: Array | float, y: Array | float) -> Array:
        """The sum x + y."""
        return np.add(x, y)

    def sub(self, x: Array | float, y: Array | float) -> Array:
        """The difference x - y."""
        return np.subtract(x, y)

    def mul(self, x: Array | float, y: Array | float) -> Array:
        """The product x * y, element by element."""
        return np.multiply(x, y)

    def div(self, x: Array | float, y: Array | float) -> Array:
        """The quotient x / y."""
        return np.divide(x, y)

    def neg(self, x: Array) -> Array:
        """The negative -x."""
        return np.negative(x)

    def pow(self, x: Array, exponent: float) -> Array:
        """The power x ** exponent, for a constant exponent."""
        return np.power(x, exponent)

    def exp(self, x: Array) -> Array:
        """The exponential e ** x."""
        return np.exp(x)

    def log(self, x: Array) -> Array:
        """The natural logarithm."""
        return np.log(x)

    def sqrt(self, x: Array) -> Array:
        """The square root."""
        return np.sqrt(x)

    def tanh(self, x: Array) -> Array:
        """The hyperbolic tangent."""
        return np.tanh(x)

    def abs(self, x: Array) -> Array:
        """The absolute value."""
        return np.abs(x)

    def sign(self, x: Array) -> Array:
        """The sign: -1, 0 or 1."""
        return np.sign(x)

    def equal(self, x: Array, y: Array) -> Array:
        """True where x == y."""
        return np.equal(x, y)

    def array_equal(self, x: Array, y: Array) -> bool:
        """Whether x and y have the same shape and the same values."""
        return np.array_equal(x, y)

    def matmul(self, x: Array, y: Array) -> Array:
        """The matrix product over the last two axes: `[..., N, K] x [..., K, M] -> [..., N, M]`."""
        return np.matmul(x, y)

    # Shapes

    def reshape(self, x: Array, shape: tuple[int, ...]) -> Array:
        """The same values in another shape; one size may be -1."""
        return np.reshape(x, shape)

    def unsqueeze(self, x: Array, axis: int) -> Array:
        """Inserts an axis of size 1 at `axis`."""
        return np.expand_dims(x, axis)

    def squeeze(self, x: Array, axis: Axis = None) -> Array:
        """Removes axes of size 1."""
        return np.squeeze(x, axis)

    def permute(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Reorders the axes: axis i of the result is axis `axes[i]` of x."""
        return np.transpose(x, axes)

    def transpose(self, x: Array, axis1: int, axis2: int) -> Array:
        """Swaps two axes."""
        return np.swapaxes(x, axis1, axis2)

    def broadcast_to(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Repeats x along its axes of size 1, without a copy."""
        return np.broadcast_to(x, shape)

    def sum_to(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Undoes `broadcast_to`: sums over the axes that broadcasting from `shape` has added or repeated."""
        extra = x.ndim - len(shape)
        repeated = (
            axis + extra for axis, size in enumerate(shape) if size == 1 and x.shape[axis + extra] != 1
        )
        axes = (*range(extra), *repeated)
        return np.reshape(np.sum(x, axes), shape) if axes else x

    def cat(self, *arrays: Array, axis: int = 0) -> Array:
        """Joins arrays along an existing axis."""
        return np.concatenate(arrays, axis)

    # Indexing

    def getitem(self, x: Array, index: Any) -> Array:
        """NumPy's indexing: integers, slices, None, Ellipsis, integer and boolean arrays."""
        return np.asarray(x[index])

    def scatter_add(self, values: Array, index: Any, shape: tuple[int, ...]) -> Array:
        """Undoes `getitem`: zeros of `shape` plus `values` at `index`, summed in order where it repeats."""
        result = np.zeros(shape, values.dtype)
        if _has_arrays(index):
            np.add.at(result, index, values)
        else:
            result[index] += values  # integers and slices take nothing twice, and need no slow loop
        return result

    def masked_fill(self, x: Array, mask: Array, value: float) -> Array:
        """Puts `value` where `mask` is true; `mask` broadcasts to x."""
        return np.where(mask, np.asarray(value, x.dtype), x)

    def tril(self, x: Array, k: int = 0) -> Array:
        """Keeps the lower triangle of the last two axes, up to diagonal k."""
        _check_matrix("tril", x)
        return np.tril(x, k)

    def triu(self, x: Array, k: int = 0) -> Array:
        """Keeps the upper triangle of the last two axes, from diagonal k."""
        _check_matrix("triu", x)
        return np.triu(x, k)

    # Reductions

    def sum(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        """The sum along `axis`."""
        return np.asarray(np.sum(x, axis, keepdims=keepdims))

    def mean(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        """The mean along `axis`."""
        return np.asarray(np.mean(x, axis, keepdims=keepdims))

    def var(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        """The variance along `axis`, divided by n (not n - 1), as in layer normalisation."""
        return np.asarray(np.var(x, axis, keepdims=keepdims))

    def max(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        """The largest value along `axis`."""
        return np.asarray(np.max(x, axis, keepdims=keepdims))

    def min(self, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        """The smallest value along `axis`."""
        return np.asarray(np.min(x, axis, keepdims=keepdims))

    def argmax(self, x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
        """The position of the largest value along `axis`; among equals, the first."""
        return np.asarray(np.argmax(x, axis, keepdims=keepdims))

    def top_k(self, scores: Array, k: int) -> tuple[Array, Array]:
        """The k largest of the last axis, `[..., V] -> values, ids [..., k]`, largest first.

        Among equal scores the lower id comes first. NaN sorts last. All V where k is larger.

        Raises:
            ConfigError: k is negative.
        """
        if k < 0:
            raise ConfigError(f"top_k: k must not be negative, got {k}")
        ids = np.argsort(-scores, axis=-1, kind="stable")[..., :k]
        return np.take_along_axis(scores, ids, axis=-1), ids


def _has_arrays(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return not all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts)


def _check_matrix(operation: str, x: Array) -> None:
    if x.ndim < 2:
        raise ShapeError(f"{operation}: expected at least two axes, got shape {x.shape}")
