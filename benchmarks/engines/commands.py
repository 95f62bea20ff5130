"""A command line from start to end."""

import subprocess
import sys


class Command:
    """Runs this Python with some arguments."""

    PACKAGES = ()

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = [sys.executable, *arguments]

    def run(self) -> None:
        """Runs it once."""
        subprocess.run(self.arguments, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
