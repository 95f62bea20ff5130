"""What engines that encode text have in common; peers import it, so it needs nothing that is ours."""

import struct
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from benchmarks.texts import beginning

Ids: TypeAlias = Iterable[int]


class Tokens(ABC):
    """Encodes a text.

    Args:
        text: a file.
        n_bytes: how much of it.
    """

    def __init__(self, text: str, n_bytes: int) -> None:
        self.text = beginning(Path(text), n_bytes)
        self.last: Ids = ()

    def encode(self, compared: bool = False) -> list[int]:
        """Encodes all of it; gives the fingerprint of the ids if they are to be compared.

        The ids are kept: giving back the memory of millions of them is not to be measured.
        """
        self.last = self.ids()
        return fingerprint(self.last) if compared else []

    @abstractmethod
    def ids(self) -> Ids:
        """The ids of the text."""


def fingerprint(ids: Ids) -> list[int]:
    """Their number and a hash, in numbers that a float64 holds: far shorter than the ids themselves."""
    values = array("i", ids)
    return [len(values), *struct.unpack("<8I", sha256(values.tobytes()).digest())]
