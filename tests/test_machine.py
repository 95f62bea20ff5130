"""The processors that a process may use: affinity, limits of containers, the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hornbook import machine
from hornbook.errors import ConfigError
from hornbook.machine import available_processors, cpu_features, usable_threads

PROCESSORS = 13
V1_MOUNT = "30 25 0:27 {root} {at} rw,nosuid - cgroup cgroup rw,cpu,cpuacct"
V2_MOUNT = "31 25 0:28 {root} {at} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"


class System:
    """A machine of 13 processors whose files lie in a folder of the test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.mount_point = folder / "cgroup"
        for name in ("OWN_CGROUPS", "OWN_MOUNTS", "CPU_INFO"):
            monkeypatch.setattr(machine, name, folder / name)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(PROCESSORS)), raising=False)

    def mount(self, line: str, *groups: str, root: str = "/") -> None:
        """Says which groups this process is in, and where their hierarchy is mounted."""
        (self.folder / "OWN_CGROUPS").write_text("\n".join(groups) + "\n")
        (self.folder / "OWN_MOUNTS").write_text(
            "21 25 0:20 / /proc rw - proc proc rw\nnonsense\n" + line.format(root=root, at=self.mount_point)
        )

    def write(self, path: str, content: str) -> None:
        """Writes one of the files of a group."""
        target = self.mount_point / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    return System(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("content", "processors"),
    [
        ("150000 100000\n", 2),  # one and a half: a second thread has work to do
        ("200000 100000\n", 2),
        ("200001 100000\n", 3),
        ("50000 100000\n", 1),
        ("1000 1000000\n", 1),
        ("9900000 100000\n", PROCESSORS),
        ("max 100000\n", PROCESSORS),
        ("0 100000\n", PROCESSORS),
        ("100000 0\n", PROCESSORS),
        ("-1 100000\n", PROCESSORS),
        ("100000\n", PROCESSORS),
        ("", PROCESSORS),
        ("\xff\xfe", PROCESSORS),
    ],
)
def test_share_of_version_2_is_rounded_up(system: System, content: str, processors: int) -> None:
    system.mount(V2_MOUNT, "0::/")
    system.write("cpu.max", content)
    assert available_processors() == processors


@pytest.mark.parametrize(
    ("quota", "period", "processors"),
    [("250000", "100000", 3), ("300000", "100000", 3), ("-1", "100000", PROCESSORS), ("5", "0", PROCESSORS)],
)
def test_share_of_version_1_is_rounded_up(system: System, quota: str, period: str, processors: int) -> None:
    system.mount(V1_MOUNT, "5:memory:/", "4:cpu,cpuacct:/docker/ab")
    system.write("docker/ab/cpu.cfs_quota_us", quota + "\n")
    system.write("docker/ab/cpu.cfs_period_us", period + "\n")
    assert available_processors() == processors


def test_the_smallest_limit_of_the_groups_above_counts(system: System) -> None:
    system.mount(V2_MOUNT, "0::/user.slice/session.scope")
    system.write("user.slice/session.scope/cpu.max", "700000 100000\n")
    assert available_processors() == 7
    system.write("user.slice/cpu.max", "500000 100000\n")
    assert available_processors() == 5
    system.write("cpu.max", "300000 100000\n")
    assert available_processors() == 3


def test_only_groups_of_this_process_count(system: System) -> None:
    system.mount(V2_MOUNT, "0::/mine")
    system.write("others/cpu.max", "100000 100000\n")
    system.write("mine/inner/cpu.max", "100000 100000\n")
    system.mount_point.joinpath("..", "cpu.max").write_text("100000 100000\n")
    assert available_processors() == PROCESSORS


def test_a_container_sees_its_own_group_as_the_root(system: System) -> None:
    system.mount(V1_MOUNT, "4:cpu,cpuacct:/docker/ab/inner", root="/docker/ab")
    for name, content in (("cpu.cfs_quota_us", "500000"), ("cpu.cfs_period_us", "100000")):
        system.write(f"inner/{name}", content)
    assert available_processors() == 5


@pytest.mark.parametrize(
    ("group", "root"), [("/../elsewhere", "/"), ("/kubepods/pod7", "/docker"), ("/dockerless", "/docker")]
)
def test_a_group_outside_of_the_mount_is_limited_by_the_mounts_root(
    system: System, group: str, root: str
) -> None:
    system.mount(V2_MOUNT, f"0::{group}", root=root)
    system.write("cpu.max", "200000 100000\n")
    system.write("../elsewhere/cpu.max", "100000 100000\n")
    assert available_processors() == 2


def test_other_controllers_do_not_count(system: System) -> None:
    system.mount(
        V1_MOUNT.replace("cpu,cpuacct", "cpuset") + "\n" + V1_MOUNT.replace("{at}", "{at}/cpu"),
        "4:cpu:/a",
        "3:cpuset:/b",
    )
    for path, quota in (("a", "100000"), ("b", "200000"), ("cpu/a", "500000"), ("cpu/b", "300000")):
        system.write(f"{path}/cpu.cfs_quota_us", quota)
        system.write(f"{path}/cpu.cfs_period_us", "100000")
    assert available_processors() == 5


def test_the_tighter_of_two_hierarchies_counts(system: System) -> None:
    system.mount(V1_MOUNT + "\n" + V2_MOUNT.replace("{at}", "{at}/unified"), "0::/", "4:cpu:/a")
    system.write("a/cpu.cfs_quota_us", "700000")
    system.write("a/cpu.cfs_period_us", "100000")
    system.write("unified/cpu.max", "300000 100000")
    assert available_processors() == 3


def test_a_machine_without_these_files(system: System) -> None:
    assert available_processors() == PROCESSORS
    assert cpu_features() == []


def test_affinity_limits_too(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.mount(V2_MOUNT, "0::/")
    system.write("cpu.max", "500000 100000\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 6})
    assert available_processors() == 3


def test_a_system_without_affinity(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 11)
    assert available_processors() == 11
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_processors() == 1


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, PROCESSORS),
        ({"HORNBOOK_NUM_THREADS": "3"}, 3),
        ({"HORNBOOK_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"HORNBOOK_NUM_THREADS": "", "OMP_NUM_THREADS": "5"}, 5),
        ({"HORNBOOK_NUM_THREADS": "1000"}, PROCESSORS),
        ({"OMP_NUM_THREADS": "1000"}, PROCESSORS),
        ({"OMP_NUM_THREADS": "5,2"}, 5),
        ({"OMP_NUM_THREADS": "0"}, PROCESSORS),
        ({"OMP_NUM_THREADS": "many"}, PROCESSORS),
        ({"OMP_NUM_THREADS": "9" * 5000}, PROCESSORS),
    ],
)
def test_threads(system: System, environment: dict[str, str], threads: int) -> None:
    assert usable_threads(environment) == threads


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", " 2", "1e3", "9" * 5000])
def test_threads_that_are_no_number(system: System, value: str) -> None:
    with pytest.raises(
        ConfigError, match="HORNBOOK_NUM_THREADS: expected a positive integer, got '"
    ) as caught:
        usable_threads({"HORNBOOK_NUM_THREADS": value})
    assert len(str(caught.value)) < 150


def test_instructions(system: System) -> None:
    (system.folder / "CPU_INFO").write_text(
        "processor : 0\nflags\t\t: fpu avx2 sse2 fma avxxx\nflags : avx\n"
    )
    assert cpu_features() == ["sse2", "avx2", "fma"]
    (system.folder / "CPU_INFO").write_text("Features\t: fp asimd crc32\n")
    assert cpu_features() == ["asimd"]


def test_this_machine_and_this_process() -> None:
    """A process that may use one processor computes with one thread."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from hornbook.machine import usable_threads as n; print(n({}))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"
