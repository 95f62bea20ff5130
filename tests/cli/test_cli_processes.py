"""What only a real process shows: pipes, signals, full devices, terminals, and what it imports."""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Cli: TypeAlias = Callable[..., Any]

HORNBOOK = [sys.executable, "-m", "hornbook"]
LONG = ["generate", "--seed", "0", "-n", "480", "Once"]
"""Is still at work when its first bytes are read."""


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    # A shell may have told its background jobs to ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen([*HORNBOOK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def shell(script: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script in which $h is the command."""
    return subprocess.run(
        ["/bin/bash", "-c", f"h={shlex.quote(shlex.join(HORNBOOK))}; {script}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def on_a_terminal(command: Sequence[str], **variables: str) -> tuple[int, str]:
    """Runs a command whose stdout and stderr are a terminal; its exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=os.environ | variables
    )
    os.close(theirs)
    shown = b""
    while piece := _read(ours):
        shown += piece
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how a terminal says that the other side is closed
        return b""


def test_text_comes_before_it_is_complete_and_a_closed_pipe_ends_it() -> None:
    process = start(*LONG)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(5) == b"Once "
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert err == b"tiny-lm: 5,387,776 parameters, seed 0\n"


@pytest.mark.parametrize(
    ("number", "code", "rest"), [(signal.SIGINT, 130, b"\n"), (signal.SIGTERM, 143, b"")]
)
def test_signals(number: int, code: int, rest: bytes) -> None:
    process = start(*LONG)
    assert process.stdout is not None
    assert process.stdout.read(5) == b"Once "
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out.endswith(rest)
    assert err == b"tiny-lm: 5,387,776 parameters, seed 0\n"


INTERRUPTED_IMPORT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["hornbook", *{words!r}]
from hornbook.cli.start import run
run()
"""


@pytest.mark.parametrize(
    "module",
    [
        "hornbook.cli.main",
        "click",
        "click.shell_completion",
        "hornbook.cli.tokens.create",
        "numpy",
        "numpy.linalg",
        "hornbook._native",
        "hornbook.tokenizer",
        "hornbook.generation",
    ],
)
def test_an_interrupt_while_python_imports_is_quiet(module: str) -> None:
    code = INTERRUPTED_IMPORT.format(module=module, words=["generate", "-q", "x"])
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


OURS_OR_HEAVY = re.compile(rb'File ".*/(click|numpy|hornbook/(?!cli/(start|interrupts|__init__))\w+)/')


def test_an_interrupt_at_any_moment_is_quiet() -> None:
    """Only Python's own start, before the first lines of the entry point, may print a traceback."""
    for step in range(24):
        process = start("generate", "-q", "-n", "480", "x")
        time.sleep(step * 0.0125)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert not re.search(
            rb'File ".*/(click|numpy|hornbook/(?!cli/(start|interrupts|__init__))\w+)/', err
        ), err.decode()
        assert process.returncode == 130 or err or process.returncode == -signal.SIGINT


def test_an_interrupt_removes_what_is_half_written(tmp_path: Path) -> None:
    code = INTERRUPTED_IMPORT.format(
        module="rich.progress",
        words=["embed", "-q", "-o", str(tmp_path / "out"), "a"],
    ).replace("run()\n", "")
    code += """
import hornbook.cli.embed
embed = sys.modules["hornbook.cli.embed"]
def write(*_):
    import rich.progress
embed.write_object = write
run()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (130, b"")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_that_the_parent_ignores_is_ignored() -> None:
    interrupts = "while kill -INT $! 2> /dev/null; do sleep 0.05; done"
    ended = shell(f"trap '' INT; $h generate -q -n 40 --seed 3 x & {interrupts}; wait $!")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_head_of_many_vectors() -> None:
    ended = shell("yes | head -997 | $h embed -q -i - -f ndjson | head -1 | wc -l; echo ${PIPESTATUS[2]}")
    assert (ended.stdout.split(), ended.stderr) == (["1", "141"], "")


@pytest.mark.parametrize("arguments", ["doctor", "generate -q x", "embed -q x", "--help", "tokens count x"])
def test_a_full_device(arguments: str) -> None:
    ended = shell(f"$h {arguments} > /dev/full")
    assert (ended.returncode, ended.stderr) == (5, "error: No space left on device: stdout\n")


def test_a_full_device_does_not_hide_the_error() -> None:
    texts = "a\\n" + " the" * 523
    ended = shell(f"printf '{texts}' | $h embed -q -b 1 -f ndjson -i - > /dev/full")
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: stdin: line 2: encode: ")


def test_a_full_device_as_output_file() -> None:
    ended = shell("$h embed -q -o /dev/full x")
    assert (ended.returncode, ended.stderr) == (5, "error: No space left on device: /dev/full\n")
    assert Path("/dev/full").is_char_device()


def test_streams_that_are_closed_or_full() -> None:
    closed = shell("$h doctor >&-")
    assert (closed.returncode, closed.stderr) == (5, "error: stdout is closed\n")
    closed = shell("$h tokens count - <&-")
    assert closed.returncode == 2
    assert "stdin is closed" in closed.stderr
    to_file = shell("$h embed -q -o /dev/null x >&-")
    assert (to_file.returncode, to_file.stderr) == (0, "")
    silent = shell("$h tokens count x 2>&-")
    assert (silent.returncode, silent.stdout) == (0, "1\n")
    assert shell("$h genrate 2> /dev/full").returncode == 2
    full = shell("$h generate -n 2 --seed 3 x 2> /dev/full")
    assert (full.returncode, full.stdout) == (0, shell("$h generate -q -n 2 --seed 3 x").stdout)


@pytest.mark.parametrize("stdin", ["< /dev/null", "<&-"])
def test_a_stdin_that_is_no_pipe_is_not_read(stdin: str) -> None:
    assert shell(f"$h generate -q -n 2 {stdin}").returncode == 0


def test_a_file_can_be_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The cat\n")
    ended = shell(f"$h generate -q -n 0 < {tmp_path / 'a.txt'}; echo The dog | $h generate -q -n 0")
    assert ended.stdout == "The cat\nThe dog\n"


def test_output_is_utf8_whatever_the_locale(process: Cli) -> None:
    ended = process("generate", "-q", "-n", "0", "日", PYTHONIOENCODING="ascii")
    assert (ended.code, ended.out) == (0, "日\n")


def test_an_argument_that_is_not_utf8() -> None:
    for locale in ("C.UTF-8", "C"):
        ended = shell(f"LC_ALL={locale} $h tokens encode $'a\\xff'")
        assert (ended.returncode, ended.stdout) == (3, "")
        assert ended.stderr.startswith("error: TEXT: not UTF-8 at character 1; ")
        assert len(ended.stderr.splitlines()) == 1


def test_an_argument_in_a_locale_without_utf8() -> None:
    ended = shell("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $h generate -q -n 0 'h\u00e9llo \u65e5'")
    assert (ended.returncode, ended.stdout) == (0, "h\u00e9llo \u65e5\n")


def test_colours_are_for_terminals_only(process: Cli) -> None:
    assert on_a_terminal([*HORNBOOK, "doctor"])[1].startswith("\x1b[1mhornbook")
    assert "\x1b" not in on_a_terminal([*HORNBOOK, "doctor", "--no-color"])[1]
    assert "\x1b" not in on_a_terminal([*HORNBOOK, "doctor"], NO_COLOR="1")[1]
    assert b"\x1b" not in process("doctor").stdout
    code, shown = on_a_terminal([*HORNBOOK, "explain", ""])
    assert (code, shown.replace("\x1b", "")) == (
        2,
        "[31m[1merror:[0m explain: the text is empty; there is nothing to follow\r\n",
    )
    assert "\x1b" not in on_a_terminal([*HORNBOOK, "explain", "--no-color", ""])[1]
    assert "\x1b" not in on_a_terminal([*HORNBOOK, "genrate"], NO_COLOR="1")[1]
    for words in (["generate", "-n", "1", "x"], ["explain", "The cat"]):
        assert "\x1b" not in on_a_terminal([*HORNBOOK, *words], TERM="dumb")[1]


def test_an_array_for_a_terminal_is_refused() -> None:
    code, shown = on_a_terminal([*HORNBOOK, "embed", "-f", "npy", "x"])
    assert (code, "--format: npy is no text for a terminal; name a file with --output" in shown) == (2, True)


IMPATIENT = """
import sys
import hornbook.cli.output, hornbook.cli.start
hornbook.cli.output.PATIENCE_S = float(sys.argv.pop(1))
hornbook.cli.start.run()
"""


def test_progress_is_for_terminals_and_long_work_only(process: Cli, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a\n" * 31)
    arguments = ["embed", "-i", str(tmp_path / "texts.txt"), "-b", "5", "-f", "ndjson"]
    to_file = [*arguments, "--force", "-o", str(tmp_path / "vectors")]

    def shown(patience: str, *arguments: str) -> str:
        code, text = on_a_terminal([sys.executable, "-c", IMPATIENT, patience, *arguments], TERM="xterm")
        assert code == 0
        return text

    assert "Embedding" in shown("0", *to_file)
    assert len((tmp_path / "vectors").read_text().splitlines()) == 31
    assert "Embedding" not in shown("60", *to_file)
    assert "Embedding" not in shown("0", *to_file, "-q")
    assert "Embedding" not in shown("0", *arguments)  # the vectors go to the same terminal
    assert "Embedding" not in process(*to_file).err


@pytest.mark.parametrize("arguments", [["--help"], ["tokens", "count", "x"], ["generate", "-n", "1", "x"]])
def test_imports_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hornbook", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rsplit("|", 1)[1].strip() for line in ended.stderr.splitlines() if "import time:" in line}
    assert "hornbook.cli.main" in loaded
    unneeded = {"huggingface_hub", "rich", "asyncio", "tempfile"} | (
        {"numpy"} if "--help" in arguments else set()
    )
    assert not {name for name in loaded if name.split(".")[0] in unneeded}


def test_the_installed_command_is_the_same() -> None:
    script = Path(sys.executable).with_name("hornbook")
    ended = subprocess.run([script, "tokens", "count", "The cat"], capture_output=True, check=True)
    assert ended.stdout == b"2\n"


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion(process: Cli, name: str) -> None:
    ended = process(_HORNBOOK_COMPLETE=f"{name}_source")
    assert ended.code == 0
    assert "_HORNBOOK_COMPLETE" in ended.out
