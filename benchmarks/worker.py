"""One engine in a process of its own: the other end of `harness.Worker`.

    python -m benchmarks.worker benchmarks.engines.ours:Model

Reads requests from stdin and answers on stdout, one JSON object a line. The first line that it writes has the
versions of what the engine imports, or the name of the module that is missing.
"""

import json
import os
import platform
import sys
import time
import traceback
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

STATUS = Path("/proc/self/status")
FORGET_PEAK = Path("/proc/self/clear_refs"), "5"


def main() -> None:
    """Answers requests until stdin ends."""
    answers = private_stdout()
    module, _, name = sys.argv[1].partition(":")
    try:
        maker = engine = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        answer(answers, missing=error.name)
        return
    answer(answers, versions=versions(getattr(engine, "PACKAGES", ())))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            engine, reply = serve(maker if request["call"] == "new" else engine, **request)
        except Exception:
            reply = {"error": traceback.format_exc()}
        answer(answers, **reply)


def private_stdout() -> TextIO:
    """Where answers go. What libraries print goes to stderr from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def answer(answers: TextIO, **values: Any) -> None:
    """Writes one line."""
    answers.write(json.dumps(values) + "\n")
    answers.flush()


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Of Python and the engine's packages."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def serve(engine: Any, call: str, arguments: dict[str, Any], repeats: int) -> tuple[Any, dict[str, Any]]:
    """Does what one request asks for. The call `new` makes an engine of its class.

    Returns:
        The engine, and the last value with the mean time of a repeat.
    """
    if call == "new":
        return engine(**arguments), {}
    if call == "forget_peak":
        forget_peak()
        return engine, {}
    begin = time.perf_counter()
    for _ in range(repeats):
        value = getattr(engine, call)(**arguments)
    seconds = (time.perf_counter() - begin) / repeats
    return engine, {"seconds": seconds, "value": value, "peak_bytes": peak_bytes()}


def peak_bytes() -> int | None:
    """The most memory that this process had since `forget_peak`; None where the system does not tell."""
    if not STATUS.exists():
        return None
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024


def forget_peak() -> None:
    """Lets the peak begin at what is in use."""
    path, instruction = FORGET_PEAK
    if path.exists():
        path.write_text(instruction)


if __name__ == "__main__":
    main()
