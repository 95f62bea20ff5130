"""The two forms that encoded text has: ids packed into an array, and spans."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ids", "Span"]

Ids: TypeAlias = NDArray[np.int32]
"""Token ids, or offsets into them."""

Span: TypeAlias = tuple[int, int, int]
"""A token and the text that it stands for: its id, the first character, and the one after the last."""
