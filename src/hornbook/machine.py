"""What this machine offers: processors that may be used, and their instructions."""

import os
from collections.abc import Mapping
from pathlib import Path

from hornbook.errors import ConfigError

__all__ = ["cpu_features", "usable_threads"]

NOTEWORTHY = ("sse2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "asimd", "neon")
CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")
CPU_INFO = Path("/proc/cpuinfo")


def usable_threads(environment: Mapping[str, str] = os.environ) -> int:
    """How many threads to compute with.

    HORNBOOK_NUM_THREADS, else OMP_NUM_THREADS, else the processors that this process may use, counting
    its affinity and a container's limit.

    Raises:
        ConfigError: HORNBOOK_NUM_THREADS is not a positive integer.
    """
    wanted = environment.get("HORNBOOK_NUM_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ConfigError(f"HORNBOOK_NUM_THREADS: expected a positive integer, got {wanted!r:.50}")
        return min(int(wanted), available_processors())
    usual = environment.get("OMP_NUM_THREADS", "").split(",")[0]
    if usual.isdecimal() and int(usual) >= 1:
        return min(int(usual), available_processors())
    return available_processors()


def available_processors() -> int:
    """The processors that affinity and a container's limit leave to this process; at least one."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, _cgroup_processors() or affinity))


def cpu_features() -> list[str]:
    """The instruction sets that matter here, as far as the system tells them."""
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    return [name for name in NOTEWORTHY if name in flags]


def _cgroup_processors() -> int | None:
    """A container's limit, rounded up: `quota period` in microseconds, or `max`."""
    try:
        quota, period = CGROUP_LIMIT.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else -(-int(quota) // int(period))
