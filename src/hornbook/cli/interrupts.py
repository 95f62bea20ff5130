"""What Ctrl-C does: an exception while a command runs, a quiet end while Python imports.

What this file imports is little and quick, so that the handler is installed before all else.
"""

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

__all__ = ["INTERRUPTED", "end_quietly", "ignore_interrupts", "remove_unfinished_files"]

INTERRUPTED = 130
"""As shells report SIGINT."""


def end_quietly() -> None:
    """From here on an interrupt ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a parent may have it ignored
        signal.signal(signal.SIGINT, _interrupt)


def remove_unfinished_files() -> None:
    """From here on an interrupt is always an exception, so that whoever writes a file can remove it."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore_interrupts() -> None:
    """From here on an interrupt changes nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt(_: int, frame: "FrameType | None") -> None:
    """Raises KeyboardInterrupt; but inside of an import, which may print it, ends the process at once."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt
