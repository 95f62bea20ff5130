"""Making tensors, and joining them."""

from collections.abc import Sequence
from typing import Any

from hornbook.backend import Generator, get_backend
from hornbook.errors import ShapeError
from hornbook.tensor.tensor import Tensor, apply

__all__ = ["arange", "cat", "eye", "full", "ones", "randn", "tensor", "tril", "triu", "zeros"]


def tensor(values: Any, *, dtype: Any = "float32", requires_grad: bool = False) -> Tensor:
    """Makes a tensor with memory of its own from nested lists, numbers, an array or a tensor."""
    return Tensor(get_backend().copy(values, dtype), requires_grad=requires_grad)


def full(
    shape: Sequence[int], value: float, *, dtype: Any = "float32", requires_grad: bool = False
) -> Tensor:
    """A tensor that holds `value` everywhere."""
    return Tensor(get_backend().full(_checked(shape), value, dtype), requires_grad=requires_grad)


def zeros(*shape: int, dtype: Any = "float32", requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return full(shape, 0, dtype=dtype, requires_grad=requires_grad)


def ones(*shape: int, dtype: Any = "float32", requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return full(shape, 1, dtype=dtype, requires_grad=requires_grad)


def randn(
    *shape: int,
    rng: Generator | int | None = None,
    dtype: Any = "float32",
    requires_grad: bool = False,
) -> Tensor:
    """Independent draws from the standard normal distribution.

    Args:
        shape: the sizes.
        rng: a generator, a seed, or None for different numbers each time.
        dtype: float32 or float64.
        requires_grad: whether `backward` reaches it.
    """
    generator = rng if isinstance(rng, Generator) else get_backend().generator(rng)
    return Tensor(get_backend().normal(_checked(shape), 1.0, generator, dtype), requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = "float32", requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an `[n, m]` matrix."""
    return Tensor(get_backend().eye(n, m, dtype), requires_grad=requires_grad)


def arange(start: float, stop: float | None = None, step: float = 1, *, dtype: Any = "float32") -> Tensor:
    """The numbers from `start` up to, not including, `stop`; with one argument, from 0 up to it."""
    begin, end = (0, start) if stop is None else (start, stop)
    return Tensor(get_backend().arange(begin, end, step, dtype))


def tril(x: Tensor, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes, up to diagonal k."""
    return x.tril(k)


def triu(x: Tensor, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes, from diagonal k."""
    return x.triu(k)


def cat(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joins tensors along an existing axis."""
    return apply("cat", *tensors, axis=axis)


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    if min(shape, default=0) < 0:
        raise ShapeError(f"shape: sizes must not be negative, got {tuple(shape)}")
    return tuple(shape)
