"""Command lines, run inside of the test or as a process of their own."""

import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import hornbook
from hornbook.backend import kernel_problem
from hornbook.cli.main import main

_spec = importlib.util.spec_from_file_location(
    "hub_on_loopback", Path(__file__).parent.parent / "hub" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_hub_on_loopback = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _hub_on_loopback  # its dataclasses look themselves up
_spec.loader.exec_module(_hub_on_loopback)
hub = _hub_on_loopback.hub
model_folder = _hub_on_loopback.model_folder
published = _hub_on_loopback.published


FOREIGN = ("NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8")
"""Set where tests run, they would hide faults or change what is printed."""


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the user; and what --offline, --quiet and --cache-dir set ends with the test."""
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name in list(os.environ):
        if name.startswith("HORNBOOK_") or name in FOREIGN:
            monkeypatch.delenv(name)
    if kernel_problem() is not None:  # where no compiler was found, each command would say so
        monkeypatch.setenv("HORNBOOK_BACKEND", "numpy")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ended]:
    """Runs a command line in this process; its stdin is a pipe with these bytes, or /dev/null."""

    def run(*arguments: str | Path, stdin: bytes | io.BufferedReader | None = None) -> Ended:
        piped = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        with Path(os.devnull).open() if piped is None else io.TextIOWrapper(piped) as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            capsysbinary.readouterr()
            code = main([str(argument) for argument in arguments])
        stdout, stderr = capsysbinary.readouterr()
        return Ended(code, stdout, stderr.decode())

    return run


@pytest.fixture
def process() -> Callable[..., Ended]:
    """Runs a command line in a process of its own; its stdin is a pipe with these bytes, or /dev/null."""

    def run(*arguments: str | Path, stdin: bytes | None = None, **variables: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "hornbook", *map(str, arguments)],
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            capture_output=True,
            env=os.environ | variables,
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode())

    return run


@pytest.fixture(scope="session")
def lm() -> hornbook.LanguageModel:
    """The built-in model, as a library."""
    return hornbook.load("tiny-lm")


@pytest.fixture(scope="session")
def embedder() -> hornbook.Embedder:
    """The built-in embedder, as a library."""
    return hornbook.Embedder("tiny-lm")
