"""Numbers that are not finite: none comes out of a model unnoticed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import ModelFormatError

__all__ = ["check_finite"]


def check_finite(array: NDArray[Any], *, source: str, what: str) -> NDArray[Any]:
    """Gives an array back if all its numbers are finite.

    Args:
        array: what a model has computed.
        source: the model, for the message.
        what: the numbers, for the message; a plural.

    Raises:
        ModelFormatError: a number is NaN or infinite.
    """
    if not np.isfinite(array).all():
        raise ModelFormatError(f"{source}: {what} are not finite numbers; are its weights damaged?")
    return array
