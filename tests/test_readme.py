"""The README does what it says: its code runs, and its commands print what it shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import hornbook
from hornbook.models import GPT2Config

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SESSIONS = re.findall(
    r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(t for kind, t in BLOCKS if kind == "console"), re.MULTILINE
)
NUMBER = re.compile(r"-?\d+\.\d+")


def run(command: list[str], folder: Path) -> str:
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_blocks_run(code: str, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(code)
    run([sys.executable, str(script)], tmp_path)


@pytest.mark.parametrize(("command", "shown"), SESSIONS, ids=[command for command, _ in SESSIONS])
def test_commands_print_what_is_shown(command: str, shown: str, tmp_path: Path) -> None:
    words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', command)]
    assert words[0] == "hornbook"
    printed = run([sys.executable, "-m", *words], tmp_path)
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    assert [float(n) for n in NUMBER.findall(printed)] == pytest.approx(
        [float(n) for n in NUMBER.findall(shown)], abs=0.011
    )


def test_the_first_screen_has_both_commands_and_real_output() -> None:
    first_screen = README.splitlines()[:30]
    assert 'pip install . && hornbook generate "Once upon a time"' in first_screen
    assert "pip install '.[test]' && python -m pytest" in first_screen
    assert SESSIONS[0][1].strip().splitlines()[0] in first_screen


def test_documented_defaults_are_the_real_ones() -> None:
    documented = re.search(r"`(max_new_tokens=50.*?)`", README)
    assert documented is not None
    defaults = vars(hornbook.GenerationConfig())
    shown = dict(pair.split("=") for pair in documented[1].split(", "))
    assert shown == {
        name: str(defaults[name]) for name in defaults if name not in {"eos_token_ids", "file_values"}
    }


def test_the_example_of_the_seed_runs(tmp_path: Path) -> None:
    folder = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
    script = REPOSITORY / "examples" / "gpt2_generate.py"
    printed = run([sys.executable, str(script), str(folder), "The quick brown fox"], tmp_path)
    assert printed.startswith("The quick brown fox")
    assert len(printed.split()) > 20


def test_presets_have_the_documented_sizes() -> None:
    presets = (GPT2Config.gpt2_small, GPT2Config.gpt2_medium, GPT2Config.gpt2_large, GPT2Config.gpt2_xl)
    sizes = [preset().num_parameters for preset in presets]
    assert sizes == [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]
