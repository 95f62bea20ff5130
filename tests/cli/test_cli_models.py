"""`hornbook models` and `hornbook doctor`: what is here, and what the Hub has."""

import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import hornbook
from hornbook.builtin import builtin_folder

Cli: TypeAlias = Callable[..., Any]

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""Of all repositories on the Hub of the tests."""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def pull(cli: Cli, published: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Pulls from the Hub of the tests."""
    monkeypatch.setenv("HF_ENDPOINT", published.url)
    return lambda *arguments: cli("models", "pull", "--cache-dir", cache, *arguments)


def test_pull_prints_the_folder(pull: Cli, published: Any, cache: Path) -> None:
    ended = pull("owner/tiny")
    folder = cache / "models--owner--tiny" / "snapshots" / COMMIT
    assert (ended.code, ended.out, ended.err) == (0, f"{folder}\n", "")
    assert (folder / "model.safetensors").is_file()
    requests = len(published.requests)
    assert pull("owner/tiny").out == f"{folder}\n"
    assert len(published.requests) > requests  # it asks again whether a newer one exists


def test_pull_offline_only_looks(pull: Cli, published: Any, cache: Path) -> None:
    ended = pull("--offline", "owner/tiny")
    assert (ended.code, ended.stdout) == (4, b"")
    assert f"owner/tiny: revision main is not in {cache}" in ended.err
    assert published.requests == []


def test_pull_offline_what_is_stored(pull: Cli, published: Any) -> None:
    online = pull("owner/tiny")
    requests = len(published.requests)
    assert pull("--offline", "owner/tiny").out == online.out
    assert len(published.requests) == requests


def test_pull_a_revision(pull: Cli) -> None:
    assert pull("--revision", COMMIT, "owner/tiny").code == 0
    ended = pull("--revision", "none", "owner/tiny")
    assert (ended.code, ended.stdout) == (4, b"")
    assert pull("--revision", "../x", "owner/tiny").code == 2


@pytest.mark.parametrize("name", ["a/b/c", "", "owner/na me", "../x", "a--b", "x" * 999])
def test_pull_what_cannot_be_a_repository(pull: Cli, published: Any, name: str) -> None:
    ended = pull("--", name)
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: repository ")
    assert published.requests == []


def test_pull_what_the_hub_does_not_have(pull: Cli) -> None:
    ended = pull("owner/none")
    assert (ended.code, ended.stdout) == (4, b"")
    assert len(ended.err.splitlines()) == 1


def test_pull_a_built_in_model(cli: Cli) -> None:
    ended = cli("models", "pull", "tiny-lm")
    assert (ended.code, ended.out) == (0, f"{builtin_folder('tiny-lm')}\n")
    assert ended.err == "tiny-lm is built in; nothing needs to be downloaded\n"


def test_a_pulled_model_generates_offline(
    cli: Cli, pull: Cli, published: Any, cache: Path, lm: hornbook.LanguageModel
) -> None:
    files = {path.name: path.read_bytes() for path in builtin_folder("tiny-lm").iterdir()}
    published.repositories["owner/story"] = files
    assert pull("owner/story").code == 0
    before = len(published.requests)
    arguments = ("-m", "owner/story", "--cache-dir", cache, "--offline", "--seed", "3", "-n", "5")
    ended = cli("generate", "--no-echo", *arguments, "The cat")
    assert ended.out == lm.generate("The cat", seed=3, max_new_tokens=5) + "\n"
    assert ended.err.startswith("owner/story: ")
    assert len(published.requests) == before


def test_list(cli: Cli, pull: Cli, cache: Path) -> None:
    lines = cli("models", "list", "--cache-dir", cache).lines
    assert lines[0] == "Built in"
    assert lines[1].startswith("  tiny-lm  ")
    assert lines[2] == f"Downloaded, in {cache}"
    assert lines[3] == "  none; `hornbook models pull openai-community/gpt2` gets one"
    pull("owner/tiny")
    pull("tiny")
    (cache / "models--tiny" / "snapshots" / COMMIT / "model.safetensors").unlink()
    lines = cli("models", "list", "--cache-dir", cache).lines
    assert [line.split() for line in lines[3:]] == [
        ["owner/tiny", "main", "0.0", "MB"],
        ["tiny", "main", "0.0", "MB", "incomplete"],
    ]


def test_list_json(cli: Cli, pull: Cli, cache: Path) -> None:
    pull("owner/tiny")
    value = cli("models", "list", "--json", "--cache-dir", cache).json
    assert value["builtin"] == ["tiny-lm"]
    (stored,) = value["cached"]
    assert stored["repo_id"] == "owner/tiny"
    assert (stored["revision"], stored["commit"], stored["complete"]) == ("main", COMMIT, True)
    assert Path(stored["path"]).is_dir()
    assert stored["size_bytes"] == sum(path.stat().st_size for path in Path(stored["path"]).iterdir())


def test_info(cli: Cli) -> None:
    lines = cli("models", "info", "tiny-lm").lines
    assert lines[0] == "tiny-lm"
    assert "  parameters  5,387,776" in lines
    assert "  weights     10.8 MB of BF16" in lines
    config = dict(line.split(maxsplit=1) for line in lines[lines.index("config.json") + 1 :])
    assert (config["n_embd"], config["activation_function"], config["n_inner"]) == (
        "256",
        '"gelu_new"',
        "null",
    )


def test_info_json(cli: Cli, lm: hornbook.LanguageModel) -> None:
    value = cli("models", "info", "--json", "tiny-lm").json
    assert list(value) == ["folder", "files", "parameters", "size_bytes", "dtypes", "config"]
    assert value["folder"] == str(builtin_folder("tiny-lm"))
    assert value["files"] == sorted(path.name for path in builtin_folder("tiny-lm").iterdir())
    assert value["size_bytes"] == (builtin_folder("tiny-lm") / "model.safetensors").stat().st_size
    assert (value["parameters"], value["dtypes"]) == (5_387_776, ["BF16"])
    assert value["config"] == lm.config.to_dict()


def test_info_of_what_is_no_model(cli: Cli, tmp_path: Path) -> None:
    ended = cli("models", "info", tmp_path / "none")
    assert ended.code == 3
    assert "no such folder" in ended.err
    assert cli("models", "info", tmp_path).code == 3
    shutil.copytree(builtin_folder("tiny-lm"), tmp_path / "cut", ignore=lambda *_: ["model.safetensors"])
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"\xff" * 61)
    ended = cli("models", "info", tmp_path / "cut")
    assert (ended.code, ended.stdout) == (3, b"")
    assert cli("models", "info", "--offline", "none").code == 4


def test_doctor(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    value = cli("doctor", "--json", "--offline").json
    assert value["hornbook"] == hornbook.__version__
    assert value["python"].startswith(platform.python_version())
    assert value["numpy"] == np.__version__
    assert value["backend"] in value["backends"]
    assert value["computes_with"].startswith({"native": "kernels for ", "numpy": "NumPy "}[value["backend"]])
    assert value["threads"] >= 1
    assert value["offline"] is True
    assert (value["cache_folder"], value["builtin_models"]) == (str(tmp_path), ["tiny-lm"])
    title, *lines = cli("doctor").lines
    assert title == f"hornbook {hornbook.__version__}"
    assert [line[2:18].strip() for line in lines] == [key.replace("_", " ") for key in list(value)[1:]]
    assert f"cache folder    {tmp_path}" in lines[7]


def test_doctor_names_the_wrong_setting(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORNBOOK_NUM_THREADS", "many")
    ended = cli("doctor")
    assert (ended.code, ended.stdout) == (2, b"")
    assert ended.err.startswith("error: HORNBOOK_NUM_THREADS: ")


def test_convert_prints_the_folder(cli: Cli, tmp_path: Path) -> None:
    model = builtin_folder("tiny-lm") / "model.safetensors"
    (tmp_path / "new").mkdir()
    ended = cli("models", "convert", model, tmp_path / "new")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'new'}\n")
    assert ended.err == f"{tmp_path / 'new'}: 5,387,776 parameters\n"
    text = hornbook.load("tiny-lm").generate("Once", temperature=0, max_new_tokens=5)
    assert hornbook.load(tmp_path / "new").generate("Once", temperature=0, max_new_tokens=5) == text


def test_convert_replaces_a_model_only_when_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    ended = cli("models", "convert", builtin_folder("tiny-lm"), tmp_path)
    assert ended.code == 2
    assert "--force replaces it" in ended.err
    assert cli("models", "convert", "--force", builtin_folder("tiny-lm"), tmp_path).code == 0


def test_convert_what_is_no_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"\x1f\x8b" + bytes(100))
    ended = cli("models", "convert", tmp_path / "x.pt", tmp_path / "new")
    assert (ended.code, ended.out) == (3, "")
    assert "gzip" in ended.err
    assert cli("models", "convert", tmp_path / "nothing.pt", tmp_path / "new").code == 2
