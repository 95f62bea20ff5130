"""What this machine offers: the processors that may be used, and their instructions.

A container's limit is a share of processor time in a control group (cgroup); every group above may have one:

    version 2   cpu.max             "150000 100000": 150 ms of every 100 ms, 1.5 processors; or "max 100000"
    version 1   cpu.cfs_quota_us    "150000", or "-1" for no limit
                cpu.cfs_period_us   "100000"

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/scheduler/sched-bwc.html
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from hornbook.errors import ConfigError

__all__ = ["available_processors", "cpu_features", "usable_threads"]

NOTEWORTHY = ("sse2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "asimd", "neon")
CPU_INFO = Path("/proc/cpuinfo")
OWN_CGROUPS = Path("/proc/self/cgroup")
"""A line for each hierarchy: `number:controllers:/path/of/the/group`; version 2 names no controllers."""
OWN_MOUNTS = Path("/proc/self/mountinfo")
MAX_DIGITS = 9


def usable_threads(environment: Mapping[str, str] = os.environ) -> int:
    """How many threads to compute with.

    HORNBOOK_NUM_THREADS, else OMP_NUM_THREADS, else the processors that this process may use, counting
    its affinity and a container's limit.

    Raises:
        ConfigError: HORNBOOK_NUM_THREADS is not a positive integer.
    """
    wanted = environment.get("HORNBOOK_NUM_THREADS", "")
    if wanted:
        if not _is_positive(wanted):
            raise ConfigError(f"HORNBOOK_NUM_THREADS: expected a positive integer, got {wanted!r:.50}")
        return min(int(wanted), available_processors())
    usual = environment.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(int(usual), available_processors()) if _is_positive(usual) else available_processors()


def available_processors() -> int:
    """The processors that affinity and a container's limit leave to this process; at least one."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([affinity, *_cgroup_limits()])


def cpu_features() -> list[str]:
    """The instruction sets that matter here, as far as the system tells them."""
    flags = next((line for line in _lines(CPU_INFO) if line.startswith(("flags", "Features"))), "").split()
    return [name for name in NOTEWORTHY if name in flags]


def _is_positive(text: str) -> bool:
    return text.isdecimal() and len(text) <= MAX_DIGITS and int(text) >= 1


def _cgroup_limits() -> Iterator[int]:
    """The limits of this process's groups and of all groups above them, in processors, rounded up."""
    groups = _own_groups()
    for kind, root, mount_point in _cgroup_mounts():
        if kind in groups:
            for folder in _folders_above(groups[kind], root, mount_point):
                yield from _limit(folder, kind)


def _own_groups() -> dict[str, PurePosixPath]:
    """This process's group in the hierarchies that can limit processors, by the kind of their mount."""
    groups = {}
    for line in _lines(OWN_CGROUPS):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            groups["cgroup2"] = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            groups["cgroup"] = PurePosixPath(path)
    return groups


def _cgroup_mounts() -> Iterator[tuple[str, PurePosixPath, Path]]:
    """Kind, root and mount point of the hierarchies that can limit processors.

    A line of mountinfo is `id parent device root mount-point options ... - kind source options`; the root is
    the group that is seen at the mount point, which in a container can be the container's own.
    """
    for line in _lines(OWN_MOUNTS):
        mount, separator, filesystem = line.partition(" - ")
        fields, described = mount.split(), filesystem.split()
        if not separator or len(fields) < 5 or len(described) < 3:
            continue
        if described[0] == "cgroup2" or (described[0] == "cgroup" and "cpu" in described[2].split(",")):
            yield described[0], PurePosixPath(fields[3]), Path(fields[4].replace("\\040", " "))


def _folders_above(group: PurePosixPath, root: PurePosixPath, mount_point: Path) -> list[Path]:
    """Where the group and all above it are seen; a group outside of the mount is seen as its root."""
    inside = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath()
    folder = mount_point / inside if ".." not in inside.parts else mount_point
    return [folder, *folder.parents[: len(folder.parts) - len(mount_point.parts)]]


def _limit(folder: Path, kind: str) -> Iterator[int]:
    """The limit of one group; nothing where it has none."""
    if kind == "cgroup2":
        words = " ".join(_lines(folder / "cpu.max")).split()
    else:
        words = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
    if len(words) == 2 and all(word.isdecimal() and int(word) > 0 for word in words):
        quota, period = int(words[0]), int(words[1])
        yield -(-quota // period)


def _lines(path: Path) -> list[str]:
    """The lines of a file of the system; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
