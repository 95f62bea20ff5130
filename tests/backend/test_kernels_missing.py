"""Where the compiled module is missing or does not load, NumPy computes, and says so once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import hornbook

MISSING = "sys.modules['hornbook._native'] = None"
DAMAGED = """
class Damaged:
    def find_spec(self, name, path=None, target=None):
        if name == "hornbook._native":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec):
        raise ImportError("libstdc++.so.6: version `GLIBCXX_9' not found")
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Damaged())
"""
PROGRAM = """
import importlib.machinery, json, sys, warnings
{prepare}
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import hornbook
    from hornbook.backend import available_backends, get_backend, kernel_problem
    lm = hornbook.load("tiny-lm")
    text = lm.generate("Once", max_new_tokens=3, temperature=0)
    hornbook.load("tiny-lm")
warned = [str(warning.message) for warning in told]
print(json.dumps([text, available_backends(), get_backend().name, kernel_problem(), warned]))
"""


def run(prepare: str, *, program: str = PROGRAM) -> "subprocess.CompletedProcess[str]":
    code = program.replace("{prepare}", prepare)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("prepare", "problem", "n_warnings"),
    [
        (MISSING, "not built: no C++ compiler was found", 0),
        (DAMAGED, "not loadable: libstdc++.so.6: version `GLIBCXX_9' not found; ", 1),
    ],
)
def test_numpy_computes_the_same(prepare: str, problem: str, n_warnings: int) -> None:
    text, backends, name, found, warned = json.loads(run(prepare).stdout)
    assert (backends, name) == (["numpy"], "numpy")
    assert found.startswith(problem)
    assert len(warned) == n_warnings
    assert all(found in warning for warning in warned)
    assert text == hornbook.load("tiny-lm").generate("Once", max_new_tokens=3, temperature=0)


COMMAND = """
import importlib.machinery, sys
{prepare}
sys.argv = ["hornbook", *sys.argv[1:]]
from hornbook.cli.start import run
run()
"""


@pytest.mark.parametrize(("prepare", "reason"), [(MISSING, "no C++ compiler"), (DAMAGED, "GLIBCXX_9")])
def test_the_command_line_warns_once_and_doctor_says_why(prepare: str, reason: str, tmp_path: Path) -> None:
    def command(words: str) -> "subprocess.CompletedProcess[str]":
        return run(prepare, program=COMMAND.replace("*sys.argv[1:]", f"*{words.split()!r}"))

    ended = command("embed -f raw x")
    assert ended.returncode == 0
    assert len(ended.stdout.split()) == 256
    (warning,) = [line for line in ended.stderr.splitlines() if line.startswith("warning: ")]
    assert "NumPy computes, slower: the kernels are not " in warning
    assert reason in warning
    assert "warning" not in command("embed -q x").stderr
    assert reason in " ".join(command("doctor").stdout.split("kernels ")[1].split())
    (tmp_path / "a.txt").write_text("the cat the cat")
    assert command(f"tokens create -v 261 -o /dev/null {tmp_path / 'a.txt'}").returncode == 0
