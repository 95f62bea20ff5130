"""Which backend computes: HORNBOOK_BACKEND at the start, `use_backend` from then on."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from hornbook.backend.active import chosen_backend, computing_with
from hornbook.backend.ops import Ops
from hornbook.errors import ConfigError

__all__ = ["available_backends", "get_backend", "kernel_problem", "use_backend"]


NOT_BUILT = "not built"


def kernel_problem() -> str | None:
    """Why the compiled kernels cannot be used; None if they can."""
    if find_spec("hornbook._native") is None:
        return f"{NOT_BUILT}: no C++ compiler was found at installation; where one exists, install again"
    try:
        import_module("hornbook._native")
    except ImportError as error:
        return f"not loadable: {error}; install again for this Python and processor"
    return None


BACKENDS: dict[str, Callable[[], Ops]] = {
    **(
        {"native": lambda: import_module("hornbook.backend.native").NativeOps()}
        if kernel_problem() is None
        else {}
    ),
    "numpy": Ops,
}
"""What can compute here, the fastest first. Without kernels, only NumPy can."""


def get_backend() -> Ops:
    """The backend in use.

    Raises:
        ConfigError: HORNBOOK_BACKEND names none of `available_backends()`.
    """
    return chosen_backend() or _default_backend()


@contextmanager
def use_backend(name: str) -> Iterator[Ops]:
    """Computes with the named backend inside of a `with` block.

    Raises:
        ConfigError: `name` is none of `available_backends()`.
    """
    with computing_with(_create(name, "use_backend")) as backend:
        yield backend


def available_backends() -> list[str]:
    """The names that `use_backend` and HORNBOOK_BACKEND take here, the fastest first."""
    return list(BACKENDS)


@cache
def _default_backend() -> Ops:
    wanted = os.environ.get("HORNBOOK_BACKEND")
    problem = kernel_problem()
    if not wanted and problem is not None and not problem.startswith(NOT_BUILT):
        warnings.warn(f"NumPy computes, slower: the kernels are {problem}", RuntimeWarning, stacklevel=2)
    return _create(wanted or available_backends()[0], "HORNBOOK_BACKEND")


def _create(name: str, setting: str) -> Ops:
    if name not in BACKENDS:
        raise ConfigError(f"{setting}: expected one of {', '.join(BACKENDS)}, got {name!r}")
    return BACKENDS[name]()
