"""What this machine can do at best: the limits that other speeds are quoted against.

    python benchmarks/probe.py [--threads 2] [--json FILE]

Reading is a sum of squares over 400 MB, far more than the caches hold; multiply-adds run on registers alone.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from hornbook import _native as native

__all__ = ["compute_speed", "read_speed"]

READ_FLOATS = 100_000_000
ROUNDS = 20_000_000


def seconds(run: Callable[[], object], repeats: int = 7) -> float:
    """The median time of a call, after one that does not count."""
    run()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return median(times)


def read_speed() -> float:
    """Bytes a second that all threads together read from memory."""
    data = np.ones(READ_FLOATS, np.float32)
    return data.nbytes / seconds(lambda: native.squared_norm(data))


def compute_speed() -> float:
    """Floating-point operations a second of all threads together; a multiply-add counts as two."""
    operations = native.multiply_adds(1)
    return ROUNDS * operations / seconds(lambda: native.multiply_adds(ROUNDS))


def main() -> None:
    """Prints both speeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    options = parser.parse_args()
    native.set_threads(options.threads)
    result = {
        "isa": native.isa(),
        "threads": options.threads,
        "read_bytes_per_s": read_speed(),
        "flops": compute_speed(),
    }
    print(f"{result['isa']}, {options.threads} threads")
    print(f"read         {result['read_bytes_per_s'] / 1e9:7.1f} GB/s")
    print(f"multiply-add {result['flops'] / 1e9:7.1f} GFLOP/s")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
