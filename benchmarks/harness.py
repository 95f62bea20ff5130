"""Measures us and others in turn.

A script names its engines and jobs; `Benchmark` runs them A B A B ..., probes the machine after each pair,
compares the results, prints the medians and writes all samples.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.limits import Limit
from benchmarks.processes import Engine, EngineError, Environment, MissingPackageError, Worker
from benchmarks.results import RESULTS, Row, write_results
from benchmarks.show import show
from rich.console import Console
from rich.progress import track

from hornbook.machine import usable_threads

SAMPLE_S = 0.25
"""Samples of shorter jobs repeat them to last about this long."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is done.

    Attributes:
        name: as tables show it.
        call: the engine's method.
        arguments: for it.
        amount: how many units of work one call is.
        unit: of the speed; "s" to tell the time itself.
        limit: what bounds it.
        warm_up: arguments of the first call, whose results are compared; None for `arguments`.
        tolerance: how much results may differ; None to compare nothing.
        strict: whether the script ends at once if they differ more.
        fresh: whether engines are made anew before each sample, so that they remember nothing of the last.
        memory: whether the memory of the process belongs to the job.
    """

    name: str
    call: str
    arguments: dict[str, Any] = field(default_factory=dict)
    amount: float = 1
    unit: str = "s"
    limit: Limit | None = None
    warm_up: dict[str, Any] | None = None
    tolerance: float | None = None
    strict: bool = False
    fresh: bool = False
    memory: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to measure; see `parse`."""

    threads: int
    pairs: int
    peer_python: Path
    work: Path
    vocab: Path | None
    output: Path
    only: str
    quick: bool


def parse(description: str | None, benchmark: str) -> Settings:
    """The options that all scripts have."""
    return settings(make_parser(description, benchmark).parse_args())


def make_parser(description: str | None, benchmark: str) -> argparse.ArgumentParser:
    """For a script that adds options of its own."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("--threads", type=int, default=usable_threads(), help="for everybody; default: %(default)s")
    option("--pairs", type=int, help="samples of each; default: 7, with --quick 2")
    option("--peer-python", type=Path, default=Path(sys.executable), help="a Python that has the peers")
    option(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "hornbook-benchmarks", help="for models"
    )
    option("--vocab", type=Path, help="folder with GPT-2's vocab.json and merges.txt; default: a made-up one")
    option("--output", type=Path, default=RESULTS / f"{benchmark}.json", help="default: %(default)s")
    option("--only", default="", metavar="TEXT", help="only jobs with this in their names")
    option("--quick", action="store_true", help="tiny models and jobs: to try the script, not to measure")
    return parser


def settings(options: argparse.Namespace) -> Settings:
    """Those of all scripts among the options."""
    values = {field.name: getattr(options, field.name) for field in fields(Settings)}
    values["pairs"] = values["pairs"] or (2 if values["quick"] else 7)
    values["work"] = values["work"].resolve()
    return Settings(**values)


class Benchmark:
    """Runs jobs and keeps what comes out."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.environment = Environment(settings.threads, settings.peer_python, settings.work / "logs")
        self.rows: list[Row] = []
        self.versions: dict[str, dict[str, str]] = {}
        self.skipped: dict[str, str] = {}
        self._stack = ExitStack()
        self._machine = self._open_machine()

    def compare(self, job: Job, ours: Engine, peers: Iterable[Engine]) -> None:
        """Measures ours with each peer that is installed; alone if none is."""
        if self.settings.only not in job.name:
            return
        found = [row for peer in peers if (row := self._attempt(job, ours, peer))]
        self.rows += found or [self._pairs(job, [ours])]
        self._write()

    def finish(self) -> None:
        """Prints the medians and writes the samples; exit code 1 if results differ that should not."""
        self._stack.close()
        if not self.rows:
            sys.exit(f"--only: no job has {self.settings.only!r} in its name")
        show(self.rows)
        say(f"samples: {self.settings.output}")
        if not all(row.agrees for row in self.rows):
            sys.exit("results differ more than they may; see above")

    def skip(self, name: str, reason: str) -> None:
        """Tells what is not measured, and why."""
        self.skipped[name] = reason.strip().splitlines()[-1]
        say(f"skipped {name}: {self.skipped[name]}")

    def _write(self) -> None:
        """After every job, so that a run that is cut off leaves what it has measured."""
        facts = {
            "threads": self.settings.threads,
            "quick": self.settings.quick,
            "versions": self.versions,
            "skipped": self.skipped,
        }
        write_results(self.settings.output, self.name, self.rows, facts)

    def _attempt(self, job: Job, ours: Engine, peer: Engine) -> Row | None:
        if peer.name in self.skipped:
            return None
        try:
            if peer.converter:
                with Worker(replace(peer, target=peer.converter), self.environment) as converter:
                    converter.new()
            return self._pairs(job, [ours, peer])
        except MissingPackageError as error:
            self.skip(peer.name, str(error))
        except EngineError as error:
            if str(error).startswith(f"{ours.name}:"):
                raise
            self.skip(peer.name, str(error))
        return None

    def _pairs(self, job: Job, engines: Sequence[Engine]) -> Row:
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(engine, self.environment)) for engine in engines]
            first = [self._warm_up(worker, job) for worker in workers]
            difference = None if job.tolerance is None or len(first) == 1 else largest_difference(*first)
            agrees = difference is None or difference <= (job.tolerance or 0)
            if job.strict and not agrees:
                sys.exit(f"{job.name}: results of {' and '.join(worker.name for worker in workers)} differ")
            repeats = [1 if job.fresh else _repeats(worker, job) for worker in workers]
            samples, limit_s = self._sample(job, workers, repeats)
        seconds = [[sample["seconds"] for sample in column] for column in samples]
        peaks = [column[-1]["peak_bytes"] if job.memory else None for column in samples]
        return Row(
            job=job.name,
            unit=job.unit,
            amount=job.amount,
            ours=engines[0].name,
            peer=engines[1].name if len(engines) > 1 else None,
            ours_s=seconds[0],
            peer_s=seconds[1] if len(engines) > 1 else [],
            limit=job.limit.kind if job.limit and limit_s else None,
            limit_s=limit_s,
            ours_peak_bytes=peaks[0],
            peer_peak_bytes=peaks[1] if len(engines) > 1 else None,
            difference=difference,
            agrees=agrees,
        )

    def _warm_up(self, worker: Worker, job: Job) -> Any:
        """Makes the engine and does the job once; the results of that."""
        self.versions[worker.name] = worker.versions
        worker.new()
        return worker.call(job.call, job.arguments if job.warm_up is None else job.warm_up)["value"]

    def _sample(
        self, job: Job, workers: Sequence[Worker], repeats: Sequence[int]
    ) -> tuple[list[list[dict[str, Any]]], list[float]]:
        """Each in turn, and the probe after them: a column of answers for each worker, and the limits."""
        samples: list[list[dict[str, Any]]] = [[] for _ in workers]
        limit_s = []
        for _ in _progress(range(self.settings.pairs), f"{job.name}: {' | '.join(w.name for w in workers)}"):
            for worker, count, column in zip(workers, repeats, samples, strict=True):
                if job.fresh:
                    worker.new()
                column.append(worker.call(job.call, job.arguments, count))
            if job.limit and self._machine:
                limit_s.append(job.limit.amount / self._machine.call(job.limit.kind)["value"])
        return samples, limit_s

    def _open_machine(self) -> Worker | None:
        """The probe; None where the kernels are not built."""
        engine = Engine("probe", "benchmarks.engines.machine:Machine", peer=False)
        try:
            machine = self._stack.enter_context(Worker(engine, self.environment))
            machine.new()
        except (MissingPackageError, EngineError) as error:
            self.skip(engine.name, str(error))
            return None
        self.versions[engine.name] = machine.versions
        return machine


def _repeats(worker: Worker, job: Job) -> int:
    """How often a job is done for one sample; short ones would measure the clock and the scheduler."""
    seconds: float = worker.call(job.call, job.arguments)["seconds"]
    worker.call("forget_peak")
    return max(1, round(SAMPLE_S / seconds))


def largest_difference(ours: Any, theirs: Any) -> float:
    """Between two nested lists of numbers; infinite if their shapes differ."""
    left, right = np.array(ours, np.float64), np.array(theirs, np.float64)
    return float(np.max(np.abs(left - right), initial=0)) if left.shape == right.shape else float("inf")


def say(message: str) -> None:
    """A line for the person who waits."""
    print(message, file=sys.stderr, flush=True)


def _progress(items: range, description: str) -> Iterable[int]:
    """A bar on a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        say(description)
        return items
    return track(items, description=description, console=Console(stderr=True), transient=True)
