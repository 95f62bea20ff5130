"""The entry point of the command: Ctrl-C ends it quietly, even while Python imports the rest.

What this file imports is loaded already when Python starts, so that nothing can be interrupted before.
"""

import os
import sys

TYPE_CHECKING = False  # importing `typing` for it would take longer than all the rest of this file
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import NoReturn

__all__ = ["INTERRUPTED", "remove_unfinished_files", "run"]

INTERRUPTED = 130
"""As shells report SIGINT."""


def run() -> "NoReturn":
    """Runs the command line of this process and exits with its code."""
    sys.excepthook = _end_quietly
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a parent may have it ignored
        signal.signal(signal.SIGINT, _interrupt)
    try:
        from hornbook.cli.main import run_process

        code = run_process()
    except KeyboardInterrupt:
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the exit code is decided; only Python's own end is left
    sys.exit(code)


def remove_unfinished_files() -> None:
    """From here on an interrupt is always an exception, so that whoever writes a file can remove it."""
    import signal

    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_: int, frame: "FrameType | None") -> None:
    """Raises KeyboardInterrupt; but inside of an import, which may print it, ends the process at once."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _end_quietly(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    """What Python does with an exception that nobody caught: an interrupt needs no traceback."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, error, trace)
