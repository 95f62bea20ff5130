"""First values of parameters, and how to skip them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hornbook.backend import Array, Generator, get_backend

__all__ = ["constant", "normal", "skip_init"]

_skipping: ContextVar[bool] = ContextVar("skipping", default=False)


@contextmanager
def skip_init() -> Iterator[None]:
    """Leaves parameters uninitialised, for layers whose weights are loaded right afterwards.

    The system provides memory when it is first written, so a model costs nothing until then.
    """
    token = _skipping.set(True)
    try:
        yield
    finally:
        _skipping.reset(token)


def normal(shape: tuple[int, ...], std: float, rng: Generator | None = None) -> Array:
    """Draws from the normal distribution with mean 0; without `rng` different ones each time."""
    ops = get_backend()
    if _skipping.get():
        return ops.empty(shape)
    return ops.normal(shape, std, rng or ops.generator())


def constant(shape: tuple[int, ...], value: float) -> Array:
    """The same number everywhere."""
    return get_backend().empty(shape) if _skipping.get() else get_backend().full(shape, value)
