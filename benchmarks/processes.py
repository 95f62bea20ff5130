"""Engines, each in a process of its own, so that their threads and their memory do not meet.

`worker.py` is the other end.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.results import REPOSITORY

WORKER = "benchmarks.worker"
DISTURBING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "HORNBOOK_BACKEND", "HORNBOOK_ISA")
"""Settings that would make somebody slower than he is."""
THREAD_SETTINGS = (
    "HORNBOOK_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class MissingPackageError(Exception):
    """What an engine needs is not installed."""


class EngineError(Exception):
    """An engine failed; the message is its traceback."""


@dataclass(frozen=True)
class Engine:
    """Who does a job.

    Attributes:
        name: as tables show it.
        target: module and class, such as `benchmarks.engines.ours:Model`.
        options: for the constructor.
        converter: a function that makes the files it reads; takes the same options.
        peer: runs with the peers' Python.
    """

    name: str
    target: str
    options: dict[str, Any] = field(default_factory=dict)
    converter: str = ""
    peer: bool = True


@dataclass(frozen=True)
class Environment:
    """Where engines run.

    Attributes:
        threads: how many everybody has.
        peer_python: the Python of peers.
        logs: a folder for what engines print.
    """

    threads: int
    peer_python: Path
    logs: Path


class Worker:
    """An engine in its own process.

    Raises:
        MissingPackageError: the engine's package is not installed.
    """

    def __init__(self, engine: Engine, environment: Environment) -> None:
        self.name, self._options = engine.name, engine.options
        self._log = environment.logs / f"{engine.name.replace('/', ' ')}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [environment.peer_python if engine.peer else sys.executable, "-m", WORKER, engine.target],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(environment.threads),
                text=True,
            )
        hello = self._answer()
        if "missing" in hello:
            self.close()
            raise MissingPackageError(f"module {hello['missing']} is not installed")
        self.versions: dict[str, str] = hello["versions"]

    def new(self) -> None:
        """Makes the engine; once more if there is one.

        Raises:
            EngineError: it failed, or the process ended.
        """
        self.call("new", self._options)

    def call(self, name: str, arguments: dict[str, Any] | None = None, repeats: int = 1) -> dict[str, Any]:
        """Calls a method; gives `seconds` for one of the repeats, `value` and `peak_bytes`.

        Raises:
            EngineError: it failed, or the process ended.
        """
        pipe = self._process.stdin
        if pipe is None:
            raise EngineError(f"{self.name}: closed")
        pipe.write(json.dumps({"call": name, "arguments": arguments or {}, "repeats": repeats}) + "\n")
        pipe.flush()
        answer = self._answer()
        if "error" in answer:
            raise EngineError(f"{self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._process.wait()
            raise EngineError(f"{self.name}: ended with code {self._process.returncode}; see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _environment(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in DISTURBING}
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    return kept | offline | dict.fromkeys(THREAD_SETTINGS, str(threads))
