"""The backend that computes in this thread or task, where one was chosen."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hornbook.backend.ops import Ops

__all__ = ["chosen_backend", "computing_with"]

_chosen: ContextVar[Ops | None] = ContextVar("chosen_backend", default=None)


def chosen_backend() -> Ops | None:
    """The backend of the innermost `computing_with` block; None outside of any."""
    return _chosen.get()


@contextmanager
def computing_with(backend: Ops) -> Iterator[Ops]:
    """Computes with this backend inside of a `with` block."""
    token = _chosen.set(backend)
    try:
        yield backend
    finally:
        _chosen.reset(token)
