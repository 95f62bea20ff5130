"""A step of decoding as a list of kernel calls, repeated without Python between them.

A step of a small model takes some thirty kernels of a few microseconds each, less than Python needs to call
them. Their arrays stay the same from step to step, so the calls are recorded once and then replayed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import hornbook._native as kernels
from hornbook.backend.active import computing_with
from hornbook.backend.ops import Ops
from hornbook.backend.types import Array

__all__ = ["Repeated"]

ONE_KERNEL = frozenset({"add", "attention", "embedding", "layer_norm", "linear", "unembed"})
"""Operations that only call one kernel, if one exists for their arrays."""


class RecordingOps:
    """Takes the place of the backend, and checks whether all that it computes can be replayed.

    Attributes:
        complete: whether every operation was one recorded kernel, or returned its input.
    """

    def __init__(self, ops: Ops, recording: kernels.Recording) -> None:
        self.complete = True
        self._ops = ops
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._ops, name)

        def watched(*args: Any, **options: Any) -> Any:
            before = len(self._recording)
            result = operation(*args, **options)
            noted = len(self._recording) - before
            changes_nothing = noted == 0 and args and result is args[0]
            self.complete &= changes_nothing or (noted == 1 and name in ONE_KERNEL)
            return result

        return watched


class Repeated:
    """Calls a function once, and then repeats the kernels that it called.

    Where anything but kernels computed, it goes on calling the function.
    """

    def __init__(self, ops: Ops, function: Callable[[], Array]) -> None:
        self._ops = ops
        self._function = function
        self._call = self._record

    def __call__(self) -> Array:
        """The result of the function; the next call overwrites it."""
        return self._call()

    def _record(self) -> Array:
        recording = kernels.Recording()
        watch = RecordingOps(self._ops, recording)
        with computing_with(cast(Ops, watch)), recording:
            result = self._function()
        self._call = partial(_replay, recording, result) if watch.complete else self._function
        return result


def _replay(recording: kernels.Recording, result: Array) -> Array:
    recording.replay()
    return result
