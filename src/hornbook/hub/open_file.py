"""A file that is read by position, each piece into memory of its own, and that may change meanwhile.

Mapping a file would take less time. But when a mapped file becomes shorter, as under a copy that starts anew,
touching the lost part ends the process with SIGBUS. Here a piece that is no longer there is an error.
It takes about 0.2 s more for 500 MB, see docs/performance.md.
"""

import os
import threading
import weakref
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hornbook.errors import ModelFormatError
from hornbook.files import naming_path
from hornbook.machine import available_processors

__all__ = ["OpenFile"]

PART_BYTES = 4 << 20
"""Pieces of at least two such parts are read by several threads; starting one takes as long as 0.2 MB."""
MAX_THREADS = 4
"""Copying from the system's cache reaches the speed of memory with this many."""


class OpenFile:
    """A file, open until nothing refers to it.

    Args:
        path: the file; what the path leads to later is of no concern.

    Raises:
        OSError: it cannot be opened, or is a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        """Where the file is."""
        with path.open("rb") as stream:
            self._descriptor = os.dup(stream.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    @property
    def size(self) -> int:
        """Its length in bytes as it is at this moment."""
        return os.fstat(self._descriptor).st_size

    def read(self, begin: int, size: int, what: str) -> NDArray[np.uint8]:
        """Reads `size` bytes from byte `begin` on.

        Args:
            begin: position of the first byte.
            size: number of bytes; what a file claims about itself is to be checked against `size` before.
            what: what is read, for messages.

        Returns:
            uint8 `[size]`, in memory of its own.

        Raises:
            ModelFormatError: the file ends before.
            OSError: the file cannot be read.
            MemoryError: there is no room for so many bytes.
        """
        try:
            content = np.empty(size, np.uint8)
        except MemoryError:
            raise MemoryError(f"{self.path}: {what} needs {size} bytes of memory") from None
        self._read_in_parts(content, begin, what)
        return content

    def _read_in_parts(self, content: NDArray[np.uint8], begin: int, what: str) -> None:
        """Fills `content` in this thread and, if it is large, in others."""
        parts = max(1, content.size // PART_BYTES)
        parts = min(parts, _reading_threads()) if parts > 1 else 1
        bounds = [content.size * i // parts for i in range(parts + 1)]
        problems: list[BaseException] = []

        def fill(i: int) -> None:
            try:
                self._fill(content[bounds[i] : bounds[i + 1]], begin + bounds[i], what)
            except (OSError, ModelFormatError) as problem:
                problems.append(problem)

        threads = [threading.Thread(target=fill, args=(i,)) for i in range(1, parts)]
        for thread in threads:
            thread.start()
        fill(0)
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]

    def _fill(self, content: NDArray[np.uint8], begin: int, what: str) -> None:
        view, arrived = content.data, 0
        while arrived < content.size:
            with naming_path(self.path):
                count = os.preadv(self._descriptor, [view[arrived:]], begin + arrived)
            if count == 0:
                raise ModelFormatError(
                    f"{self.path}: ended after {self.size} bytes while {what} was read, which needs bytes up "
                    f"to {begin + content.size}; is another program writing it?"
                )
            arrived += count


@cache
def _reading_threads() -> int:
    return min(available_processors(), MAX_THREADS)
