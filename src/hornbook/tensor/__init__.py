"""Tensors and their gradients.

`tensor.py` is what users compute with, `engine.py` sends gradients back through a computation, `gradients.py`
has the derivative of each operation, `check.py` compares derivatives with differences.
"""

from hornbook.tensor.check import check_gradients
from hornbook.tensor.engine import is_recording, no_grad
from hornbook.tensor.functions import arange, cat, eye, full, ones, randn, tensor, tril, triu, zeros
from hornbook.tensor.tensor import Tensor, apply, apply_with_gradients

__all__ = [
    "Tensor",
    "apply",
    "apply_with_gradients",
    "arange",
    "cat",
    "check_gradients",
    "eye",
    "full",
    "is_recording",
    "no_grad",
    "ones",
    "randn",
    "tensor",
    "tril",
    "triu",
    "zeros",
]
