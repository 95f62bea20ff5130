"""What the environment decides, in processes of their own, as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hornbook.hub import HubApi, cache_folder

DOWNLOAD = """
import sys
from hornbook.hub import HubApi
bundle = HubApi().download_model("owner/tiny")
print(bundle.folder, "huggingface_hub" in sys.modules)
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with these variables and without the ones that would interfere."""
    kept = {key: value for key, value in os.environ.items() if not key.upper().endswith("PROXY")}
    for name in (
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME",
        "TRANSFORMERS_OFFLINE",
    ):
        kept.pop(name, None)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_with_only_variables_set(published: Any, tmp_path: Path) -> None:
    online = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": published.url, "HF_TOKEN": "hf_key"}
    first = run(DOWNLOAD, **online)
    folder, imported = first.stdout.split()
    assert Path(folder).parent == tmp_path / "home" / "hub" / "models--owner--tiny" / "snapshots"
    assert imported == "True"
    assert first.stderr == ""  # no progress bars where nobody watches
    sent = [{key.lower(): value for key, value in headers.items()} for _, _, headers in published.requests]
    assert {headers["authorization"] for headers in sent} == {"Bearer hf_key"}
    assert {path.split("/")[1] for _, path, _ in published.requests} == {
        "api",
        "owner",
    }  # and no side errands

    before = published.connections
    second = run(DOWNLOAD, **online)
    assert second.stdout.split() == [folder, "False"]
    offline = run(DOWNLOAD, HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert offline.stdout.split() == [folder, "False"]
    absent = run(DOWNLOAD, HF_HOME=str(tmp_path / "other"), HF_ENDPOINT=published.url, HF_HUB_OFFLINE="ON")
    assert "NotCachedError: owner/tiny: revision main is not in" in absent.stderr
    assert published.connections == before


def test_importing_loads_no_client() -> None:
    code = "import sys, hornbook.hub; print({'huggingface_hub', 'asyncio', 'ssl'} & set(sys.modules))"
    assert run(code).stdout == "set()\n"


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "~/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/xdg", "HF_HOME": "/home"}, "/home/hub"),
        ({"HF_HOME": "/home", "HUGGINGFACE_HUB_CACHE": "/older"}, "/older"),
        ({"HF_HOME": "/home", "HUGGINGFACE_HUB_CACHE": "/older", "HF_HUB_CACHE": "/newer"}, "/newer"),
        ({"HF_HUB_CACHE": "~/mine"}, "~/mine"),
        ({"HF_HUB_CACHE": "$HF_HOME/x", "HF_HOME": "/home"}, "$HF_HOME/x"),
        ({"HF_HUB_CACHE": ""}, "~/.cache/huggingface/hub"),
    ],
)
def test_cache_folder(environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", environment.get("HF_HOME", ""))
    expected = Path(os.path.expandvars(folder)).expanduser()
    assert cache_folder(environment) == expected


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"HF_HOME": "~/home"},
        {"HF_HOME": "/home", "HUGGINGFACE_HUB_CACHE": "/older"},
        {"HUGGINGFACE_HUB_CACHE": "/older", "HF_HUB_CACHE": "$HF_HOME/newer", "HF_HOME": "/home"},
    ],
)
def test_cache_folder_equals_the_clients(environment: dict[str, str]) -> None:
    code = "import hornbook.hub as h, huggingface_hub.constants as c; print(h.cache_folder(), c.HF_HUB_CACHE)"
    ours, theirs = run(code, **environment).stdout.split()
    assert ours == theirs


def test_parameters_override(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://one.example/")
    assert (HubApi().offline, HubApi(offline=False).offline) == (True, False)
    assert HubApi().endpoint == "http://one.example"
    assert HubApi(endpoint="http://two.example").endpoint == "http://two.example"
    assert HubApi(cache_dir=tmp_path).cache_dir == tmp_path
