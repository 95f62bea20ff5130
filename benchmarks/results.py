"""What was measured: rows of samples, what they say, and the file that keeps them."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job, done by us and by one peer in turn.

    Attributes:
        job: what was done.
        unit: of the speed, such as tokens/s; "s" where the time itself is told.
        amount: how many units one sample has.
        ours: which of our engines.
        peer: which other one; None if there was none.
        ours_s: seconds of each sample.
        peer_s: seconds of the peer's samples, each taken right after ours.
        limit: "read" or "compute", what bounds the job; None if nothing was probed.
        limit_s: seconds that the job takes at the speed that was probed right after the pair.
        ours_peak_bytes: the most memory that our process had while samples were taken.
        peer_peak_bytes: the same of the peer.
        difference: the largest difference between results; None if they were not compared.
        agrees: False if they differ more than they may.
    """

    job: str
    unit: str
    amount: float
    ours: str
    peer: str | None = None
    ours_s: list[float]
    peer_s: list[float] = field(default_factory=list)
    limit: str | None = None
    limit_s: list[float] = field(default_factory=list)
    ours_peak_bytes: int | None = None
    peer_peak_bytes: int | None = None
    difference: float | None = None
    agrees: bool = True

    @property
    def speed(self) -> float:
        """Our median, in `unit`."""
        return self._in_unit(self.ours_s)

    @property
    def peer_speed(self) -> float | None:
        """The peer's median, in `unit`."""
        return self._in_unit(self.peer_s) if self.peer_s else None

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer we are: the median of the pairs' ratios."""
        pairs = zip(self.ours_s, self.peer_s, strict=True) if self.peer_s else ()
        return median(ratios) if (ratios := [theirs / ours for ours, theirs in pairs]) else None

    @property
    def share(self) -> float | None:
        """Which part of the machine's limit we reach, as a median."""
        pairs = zip(self.ours_s, self.limit_s, strict=True) if self.limit_s else ()
        return median(shares) if (shares := [limit / ours for ours, limit in pairs]) else None

    def _in_unit(self, samples: list[float]) -> float:
        return median(samples) if self.unit == "s" else self.amount / median(samples)


def write_results(path: Path, benchmark: str, rows: list[Row], facts: Mapping[str, Any]) -> None:
    """Writes rows, all samples among them, with the medians that they give."""
    names = ("speed", "peer_speed", "ratio", "share")
    content = {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        **facts,
        "rows": [asdict(row) | {name: getattr(row, name) for name in names} for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """The facts and the rows of a file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Row)}
    rows = [
        Row(**{name: value for name, value in row.items() if name in names}) for row in content.pop("rows")
    ]
    return content, rows


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "processors": os.cpu_count(),
        "memory": _field(Path("/proc/meminfo"), "MemTotal"),
        "system": platform.platform(),
    }


def commit() -> str | None:
    """The commit of the checkout, with a + if files differ from it."""
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        return None
    changed = _output(git, "status", "--porcelain", "--untracked-files=no")
    return _output(git, "rev-parse", "HEAD") + ("+" if changed else "")


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def _field(path: Path, name: str) -> str | None:
    """The first value of a name in a file of `name : value` lines."""
    if not path.exists():
        return None
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), None)
