"""The entry point of the command: Ctrl-C ends it quietly, even while Python imports the rest."""

import sys

from hornbook.cli.interrupts import INTERRUPTED, end_quietly, ignore_interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["run"]


def run() -> "NoReturn":
    """Runs the command line of this process and exits with its code."""
    end_quietly()
    try:
        from hornbook.cli.main import run_process

        code = run_process()
    except KeyboardInterrupt:
        code = INTERRUPTED
    ignore_interrupts()  # the exit code is decided; only Python's own end is left
    sys.exit(code)
