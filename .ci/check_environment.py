"""What a fresh environment may hold, and how fast the command answers in it."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import distributions

LARGEST_ENVIRONMENT = 25
SLOWEST_HELP = 3.0  # times `import numpy`
FORBIDDEN = {"torch", "transformers", "tokenizers", "tiktoken", "scipy", "tensorflow", "jax"}
PAIRS = 7


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Fails with a message where a bound does not hold."""
    names = {distribution.name.lower() for distribution in distributions()}
    print(f"{len(names)} packages: {', '.join(sorted(names))}")
    if len(names) > LARGEST_ENVIRONMENT or names & FORBIDDEN:
        sys.exit(f"at most {LARGEST_ENVIRONMENT} packages, none of {', '.join(sorted(FORBIDDEN))}")
    hornbook, numpy = ["hornbook", "--help"], [sys.executable, "-c", "import numpy"]
    seconds(hornbook)
    ratio = statistics.median(seconds(hornbook) / seconds(numpy) for _ in range(PAIRS))
    print(f"hornbook --help takes {ratio:.2f} times as long as importing numpy")
    if ratio > SLOWEST_HELP:
        sys.exit(f"at most {SLOWEST_HELP} times")


if __name__ == "__main__":
    main()
