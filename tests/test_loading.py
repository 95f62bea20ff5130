"""From names to folders, from folders to models, and back into folders."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import hornbook
from hornbook.errors import (
    ConfigError,
    HornbookError,
    ModelConfigError,
    ModelFormatError,
    ShapeError,
    TokenizerError,
)
from hornbook.hub import HubApi
from hornbook.loading import find_model, load_model, read_tokenizer, save_model
from hornbook.models import GPT2

GOLDEN = Path(__file__).resolve().parent / "golden" / "gpt2"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model of our own to damage; its name is none that a shell likes."""
    return Path(shutil.copytree(GOLDEN / "tied", tmp_path / "ein Modell — モデル"))


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


@pytest.mark.parametrize("name", ["tiny-lm", TINY_LM, str(TINY_LM)])
def test_a_builtin_model_and_a_folder(name: str | Path) -> None:
    assert find_model(name).folder == TINY_LM
    assert hornbook.load(name).name == str(name)


def test_relative_and_home_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder.parent)
    for name in (
        f"~/{folder.name}",
        f"./{folder.name}",
        folder.name,
        Path(folder.name),
        Path("~", folder.name),
    ):
        assert find_model(name).folder.resolve() == folder.resolve()
        assert load_model(name).config.n_embd == 14
    monkeypatch.chdir(folder)
    assert load_model(".").config == load_model(folder).config


def test_a_folder_goes_before_a_builtin_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.rename(folder.parent / "tiny-lm")
    monkeypatch.chdir(folder.parent)
    assert load_model("tiny-lm").config.n_embd == 14


@pytest.mark.parametrize(
    "name", ["/no/such", "./no-such", "../no-such", "~/no-such", "~nobody-at-all/x", Path("no-such")]
)
def test_paths_that_are_no_folder(name: str | Path) -> None:
    with pytest.raises(ModelFormatError, match=r": no such folder"):
        find_model(name)


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"config\.json: not a folder"):
        find_model(folder / "config.json")


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "x" * 300, "no\0thing", "a--b", "modèle", "openai/gpt2/", "a\nb"]
)
def test_names_that_can_be_nothing(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^repository ") as caught:
        find_model(name)
    assert "\n" not in str(caught.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"no config\.json"):
        find_model(tmp_path)


def test_all_else_is_a_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def download(self: HubApi, repo_id: str, revision: str | None = None) -> Any:
        asked.append((repo_id, revision))
        return find_model(folder)

    monkeypatch.setattr(HubApi, "download_model", download)
    assert hornbook.load("openai-community/gpt2", revision="main").config.n_embd == 14
    assert load_model("gpt2").config.n_embd == 14
    assert asked == [("openai-community/gpt2", "main"), ("gpt2", None)]


def test_only_repositories_have_revisions(folder: Path) -> None:
    for name in ("tiny-lm", folder, str(folder)):
        with pytest.raises(ConfigError, match=r"^revision: only repositories"):
            find_model(name, revision="main")


@pytest.mark.parametrize("dtype", ["int4", "float64", "", None, 32])
def test_unknown_dtypes(dtype: Any) -> None:
    with pytest.raises(ConfigError, match=r"^dtype: expected float32, bfloat16, int8, got"):
        hornbook.load("tiny-lm", dtype=dtype)


def test_errors_of_a_folder_name_it(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.ln_f.bias"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelFormatError, match=r"missing tensors \(1\): ln_f\.bias") as caught:
        load_model(folder)
    assert str(caught.value).startswith(f"{folder}: ")


def test_a_vocabulary_that_does_not_fit_is_the_configurations_fault(folder: Path) -> None:
    edit(folder / "config.json", vocab_size=71)
    with pytest.raises(ModelConfigError, match=r"vocab_size: config says 71, the token table has 67 rows"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_head", 3), ("layer_norm_epsilon", -1), ("n_layer", 10**9), ("activation_function", "x")],
)
def test_a_bad_value_names_file_and_key(folder: Path, key: str, value: Any) -> None:
    edit(folder / "config.json", **{key: value})
    with pytest.raises(ModelConfigError) as caught:
        load_model(folder)
    assert str(caught.value).startswith(f"{folder / 'config.json'}: {key}: ")


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelFormatError, match=r"no model\.safetensors"):
        load_model(folder)


def test_without_a_tokenizer_there_are_still_logits(folder: Path) -> None:
    lm = hornbook.load(folder)
    with np.load(folder / "expected.npz") as expected:
        ids, logits = expected["ids"][:5], expected["logits"][:5]
    assert np.abs(lm.logits(ids) - logits).max() < 1e-4
    with pytest.raises(ModelFormatError, match=r"no tokenizer files"):
        lm.generate("Once")
    with pytest.raises(ModelFormatError, match=r"no tokenizer files"):
        hornbook.Embedder(folder).encode("Once")


def test_a_tokenizer_larger_than_the_model(folder: Path) -> None:
    """Only a text that needs a row that the table lacks is an error."""
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(TINY_LM / name, folder)
    lm, embedder = hornbook.load(folder), hornbook.Embedder(folder)
    completion = lm.complete("!", temperature=0, max_new_tokens=3, eos_token_ids=())
    assert len(completion.ids) == 3
    assert max(completion.ids) < 67
    assert embedder.encode("!").shape == (14,)
    for use in (lm.generate, embedder.encode):
        with pytest.raises(ShapeError, match=r"ids must be in 0\.\.66, got .*; do tokenizer"):
            use("Once")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"temperature": -1}', "temperature: expected a number"),
        ('{"top_k": 0.5}', "top_k: expected an integer"),
        ('{"do_sample": "no"}', "do_sample: expected true or false"),
        ('{"eos_token_id": "0"}', "eos_token_id: expected an integer"),
        ('{"temperature": NaN}', "temperature: expected a number"),
        ("[]", "expected a JSON object"),
        ("{", "not valid JSON"),
    ],
)
def test_a_damaged_generation_config_is_named(folder: Path, content: str, message: str) -> None:
    (folder / "generation_config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        hornbook.load(folder)
    assert str(caught.value).startswith(f"{folder / 'generation_config.json'}: ")


def test_a_round_trip_is_exact(tmp_path: Path) -> None:
    """What `save` writes, `load` reads, to the last bit."""
    lm = hornbook.load("tiny-lm")
    lm.save(tmp_path / "a" / "b")
    again = hornbook.load(tmp_path / "a" / "b")
    assert again.config == lm.config
    ours, theirs = again.model.state_dict(), lm.model.state_dict()
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        assert ours[name].tobytes() == array.tobytes(), name
    text = "Once upon a time — 日本"
    assert again.tokenizer.encode(text) == lm.tokenizer.encode(text)
    assert again.generation_config == lm.generation_config
    assert again.generate(text, seed=3, max_new_tokens=5) == lm.generate(text, seed=3, max_new_tokens=5)


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_is_what_transformers_wrote(tmp_path: Path, name: str) -> None:
    hornbook.load(GOLDEN / name).save(tmp_path)
    theirs: dict[str, Any] = {}
    for path in GOLDEN.joinpath(name).glob("*.safetensors"):
        if name != "bfloat16":
            theirs |= load_file(path)
    ours = load_file(tmp_path / "model.safetensors")
    theirs = {
        n if n == "lm_head.weight" or n.startswith("transformer.") else f"transformer.{n}": array
        for n, array in theirs.items()
        if not n.endswith((".attn.bias", ".attn.masked_bias"))
    }
    if name == "bfloat16":  # which NumPy, and so the safetensors package with it, cannot hold
        theirs = dict(find_model(GOLDEN / name).load_tensors())
    assert ours.keys() == theirs.keys()
    for tensor, array in theirs.items():
        assert ours[tensor].dtype == np.float32
        np.testing.assert_array_equal(ours[tensor], array.astype(np.float32))


@pytest.mark.parametrize("name", CASES)
def test_the_configuration_that_is_written(tmp_path: Path, name: str) -> None:
    loaded = load_model(GOLDEN / name)
    save_model(tmp_path, loaded.model)
    ours = json.loads((tmp_path / "config.json").read_bytes())
    theirs = json.loads((GOLDEN / name / "config.json").read_bytes()) | {"dtype": "float32"}
    if name == "own_head_said_tied":
        theirs["tie_word_embeddings"] = False
    assert {key: theirs[key] for key in ours} == ours
    left_out = theirs.keys() - ours.keys()
    computing = {
        "add_cross_attention",
        "reorder_and_upcast_attn",
        "use_cache",
        "pad_token_id",
        "transformers_version",
    }
    assert {key for key in left_out - computing if not key.startswith("summary_")} == set()


def test_an_odd_folder_and_a_second_save(folder: Path) -> None:
    loaded = load_model(folder, trainable=True)
    assert isinstance(loaded.model, GPT2)
    changed = loaded.model.wte.weight.data + 1
    loaded.model.wte.weight.data = changed
    save_model(folder, loaded.model)
    assert load_model(folder).model.state_dict()["wte.weight"].tobytes() == changed.tobytes()


def fail(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("where", "what"), [(os, "fsync"), (Path, "replace")])
def test_a_failed_save_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: Any, what: str
) -> None:
    loaded = load_model(folder, trainable=True)
    assert isinstance(loaded.model, GPT2)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    loaded.model.wte.weight.data = loaded.model.wte.weight.data + 1
    monkeypatch.setattr(where, what, fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(folder, loaded.model)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_failed_first_save_leaves_nothing_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        hornbook.load("tiny-lm").save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_saving_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(OSError, match="file"):
        hornbook.load("tiny-lm").save(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_tokenizer_that_cannot_be_saved_stops_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = hornbook.load("tiny-lm")

    def refuse(folder: Path) -> None:
        raise TokenizerError("save: no")

    monkeypatch.setattr(lm.tokenizer, "save", refuse)
    with pytest.raises(TokenizerError, match="save: no"):
        lm.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("load", [hornbook.load, hornbook.Embedder, load_model])
def test_every_way_in_knows_the_same_names(load: Callable[[str], Any]) -> None:
    assert load("tiny-lm").config.n_embd == 256
    with pytest.raises(HornbookError):
        load("a/b/c")


def test_a_tokenizer_is_read_whatever_the_family(folder: Path) -> None:
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(TINY_LM / name, folder)
    ids = hornbook.load("tiny-lm").tokenizer.encode("The cat")
    for change in ({"model_type": "bert"}, {"vocab_size": "many"}, {}):
        edit(folder / "config.json", **change)
        assert read_tokenizer(find_model(folder, tokenizer_only=True)).encode("The cat") == ids
    (folder / "config.json").unlink()
    assert read_tokenizer(find_model(folder, tokenizer_only=True)).encode("The cat") == ids
    with pytest.raises(ModelFormatError, match=r"no config\.json"):
        find_model(folder)


def test_a_tokenizer_is_brought_without_the_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def download(self: HubApi, repo_id: str, revision: str | None = None) -> Any:
        asked.append((repo_id, revision))
        return find_model(folder)

    monkeypatch.setattr(HubApi, "download_tokenizer", download)
    find_model("owner/name", revision="main", tokenizer_only=True)
    assert asked == [("owner/name", "main")]
