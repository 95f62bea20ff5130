"""Ops: every operation, complete and readable, in NumPy. The reference that faster backends are held to."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from hornbook.backend.array import ArrayOps
from hornbook.backend.attention import AttentionOps
from hornbook.backend.lookup import LookupOps
from hornbook.backend.loss import LossOps
from hornbook.backend.norm import NormOps
from hornbook.backend.optimizer import OptimizerOps
from hornbook.backend.types import Array

__all__ = ["Ops"]


class Ops(ArrayOps, LossOps, AttentionOps, NormOps, LookupOps, OptimizerOps):
    """The operations that models, layers and tensors are made of.

    Each has a body in NumPy here. A faster backend is a subclass that overrides what it has a kernel for.
    An operation `f` with a derivative that is not one line has a twin `f_backward(grad, ...)`.
    """

    name = "numpy"

    def describe(self) -> str:
        """What computes, in a few words, for `hornbook doctor`."""
        compiled = find_spec("hornbook._native") is not None
        reason = "" if compiled else "; no compiler was found at installation, so there are no faster kernels"
        return f"NumPy {np.__version__}{reason}"

    def repeatable(self, function: Callable[[], Array]) -> Callable[[], Array]:
        """A function for computing the same many times: `function` on the same arrays.

        The caller changes the contents of the arrays between calls, never the arrays. A backend may record
        what the first call computes and repeat only that; so the next call overwrites a result, and
        whatever else `function` does happens once.
        """
        return function
