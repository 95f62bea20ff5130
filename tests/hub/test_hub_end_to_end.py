"""A real model from the Hub to text, as users start it: the example of the first seed, and the command."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hornbook.builtin import builtin_folder

REPOSITORY = Path(__file__).resolve().parent.parent.parent
EXAMPLE = str(REPOSITORY / "examples" / "gpt2_generate.py")
SOURCE, PROMPT = "owner/tiny-lm", "The quick brown fox"


@pytest.mark.parametrize(
    "command",
    [
        [EXAMPLE, SOURCE, PROMPT],
        ["-m", "hornbook", "generate", "--quiet", "--seed", "0", "-m", SOURCE, PROMPT],
    ],
    ids=["example", "command"],
)
def test_from_the_hub_to_text(hub: Any, tmp_path: Path, command: list[str]) -> None:
    hub.repositories = {
        SOURCE: {path.name: path.read_bytes() for path in builtin_folder("tiny-lm").iterdir()}
    }
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache")}

    def run(**more: str) -> str:
        result = subprocess.run(
            [sys.executable, *command],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    text = run()
    assert text.startswith(PROMPT)
    assert len(text.split()) > 20
    assert {"config.json", "model.safetensors", "vocab.json", "merges.txt"} <= set(hub.asked("GET"))
    before = hub.connections
    assert run() == text
    assert run(HF_HUB_OFFLINE="1") == text
    assert hub.connections == before
