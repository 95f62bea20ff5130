"""The layouts of a model folder: one file, shards, links, and what is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from hornbook.errors import ModelFormatError
from hornbook.hub import ModelBundle, save_tensors

INDEX = "model.safetensors.index.json"
ShardModel = Callable[..., ModelBundle]


@pytest.fixture
def shard_model(tmp_path: Path) -> ShardModel:
    """Makes a folder of two shards; `weight_map` and `shards` replace what they hold."""

    def make(weight_map: Any = None, shards: dict[str, dict[str, Any]] | None = None) -> ModelBundle:
        folder = tmp_path / "sharded"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        default = {"one.safetensors": {"a": np.arange(3.0)}, "two.safetensors": {"b": np.arange(5.0)}}
        for shard, tensors in (shards or default).items():
            save_tensors(folder / shard, tensors)
        weight_map = {"a": "one.safetensors", "b": "two.safetensors"} if weight_map is None else weight_map
        (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 64}, "weight_map": weight_map}))
        return ModelBundle.from_folder(folder)

    return make


def test_paths_exist(model_folder: Path) -> None:
    bundle = ModelBundle.from_folder(str(model_folder))
    assert bundle.folder == model_folder
    found = [
        bundle.config_path,
        bundle.vocab_path,
        bundle.merges_path,
        bundle.tokenizer_path,
        bundle.generation_config_path,
        *bundle.weight_paths,
    ]
    names = ["config.json", "vocab.json", "merges.txt", "tokenizer.json", "generation_config.json"]
    assert found == [model_folder / name for name in [*names, "model.safetensors"]]


def test_one_file(model_folder: Path) -> None:
    bundle = ModelBundle.from_folder(model_folder)
    expected = safetensors.numpy.load_file(model_folder / "model.safetensors")
    tensors = bundle.load_tensors()
    assert set(tensors) == set(expected)
    for name, array in expected.items():
        assert np.array_equal(tensors[name], array)
    assert {name: spec.shape for name, spec in bundle.tensor_specs().items()} == {
        "wte.weight": (13, 7),
        "ln_f.bias": (7,),
    }


def test_shards(shard_model: ShardModel) -> None:
    bundle = shard_model()
    tensors = bundle.load_tensors()
    assert len(tensors) == 2
    assert {name: array.tolist() for name, array in tensors.items()} == {"a": [0, 1, 2], "b": [0, 1, 2, 3, 4]}
    assert "c" not in tensors
    assert {name: spec.dtype for name, spec in bundle.tensor_specs().items()} == {"a": "F64", "b": "F64"}
    assert [path.name for path in bundle.weight_paths] == ["one.safetensors", "two.safetensors"]


def test_one_file_wins_over_an_index(shard_model: ShardModel) -> None:
    bundle = shard_model({"a": "absent.safetensors"})
    save_tensors(bundle.folder / "model.safetensors", {"whole": np.zeros(2)})
    assert list(bundle.load_tensors()) == ["whole"]


@pytest.mark.parametrize(
    "shard",
    [
        "../x.safetensors",
        "/etc/passwd",
        "/x.safetensors",
        "x.bin",
        "x.safetensors.bin",
        "x.safetensors/../../y.safetensors",
        ".sub/x.safetensors",
        "sub/../x.safetensors",
        "sub//x.safetensors",
        "a/" * 8 + "x.safetensors",
        "s" * 201 + "/x.safetensors",
        "sub\\x.safetensors",
        "C:x.safetensors",
        "x\n.safetensors",
        ".safetensors",
        "",
        "x" * 300 + ".safetensors",
        7,
        None,
    ],
)
def test_invalid_shard_name(shard_model: ShardModel, shard: Any) -> None:
    bundle = shard_model({"a": shard})
    with pytest.raises(ModelFormatError, match=r"index\.json: invalid shard name") as caught:
        bundle.load_tensors()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("weight_map", [{}, [], 7, "x"])
def test_index_without_a_map(shard_model: ShardModel, weight_map: Any) -> None:
    bundle = shard_model(weight_map)
    with pytest.raises(ModelFormatError, match="weight_map must map"):
        bundle.load_tensors()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b"[]", "weight_map must map"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nesting too deep"),
        (b'{"weight_map": {"a": "x", "a": "y"}}', "'a' is given twice"),
    ],
)
def test_damaged_index(shard_model: ShardModel, content: bytes, message: str) -> None:
    bundle = shard_model()
    (bundle.folder / INDEX).write_bytes(content)
    with pytest.raises(ModelFormatError, match=message):
        bundle.load_tensors()


def test_shard_not_found(shard_model: ShardModel) -> None:
    bundle = shard_model({"a": "one.safetensors", "b": "three.safetensors"})
    with pytest.raises(ModelFormatError, match=r"shard not found: three\.safetensors"):
        bundle.load_tensors()


def test_damaged_shard(shard_model: ShardModel) -> None:
    bundle = shard_model()
    (bundle.folder / "two.safetensors").write_bytes(b"\xff" * 9)
    with pytest.raises(ModelFormatError, match=r"two\.safetensors: header length"):
        bundle.load_tensors()


def test_the_index_decides_between_two_copies(shard_model: ShardModel) -> None:
    shards = {"one.safetensors": {"a": np.ones(3)}, "two.safetensors": {"a": np.zeros(5), "b": np.zeros(1)}}
    bundle = shard_model(shards=shards)
    assert bundle.load_tensors()["a"].tolist() == [1, 1, 1]
    assert bundle.tensor_specs()["a"].shape == (3,)


@pytest.mark.parametrize(
    "weight_map",
    [
        {"a": "two.safetensors", "b": "one.safetensors"},
        {"a": "two.safetensors", "b": "two.safetensors", "c": "one.safetensors"},
    ],
)
def test_index_and_shards_disagree(shard_model: ShardModel, weight_map: dict[str, str]) -> None:
    bundle = shard_model(weight_map)
    for read in (bundle.load_tensors, bundle.tensor_specs):
        with pytest.raises(ModelFormatError, match=r"'a' is listed in two\.safetensors, found in one"):
            read()


def test_a_tensor_that_only_the_index_has_is_missing_when_it_is_asked_for(shard_model: ShardModel) -> None:
    """Writers list tied tables and buffers that they leave out."""
    bundle = shard_model({"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"})
    tensors = bundle.load_tensors()
    assert sorted(tensors) == sorted(bundle.tensor_specs()) == ["a", "b"]
    assert "c" not in tensors
    assert len(tensors) == 2
    with pytest.raises(KeyError):
        tensors["c"]


def test_tensors_that_the_index_does_not_list_are_a_notice(shard_model: ShardModel) -> None:
    extra = {f"x{i}\n": np.zeros(1) for i in range(7)}
    shards = {"one.safetensors": {"a": np.ones(3), **extra}, "two.safetensors": {"b": np.zeros(1)}}
    bundle = shard_model(shards=shards)
    message = r"index\.json: does not list 7 tensors of its shards, left out: x0\\n, .*, x4\\n, \.\.\.$"
    with pytest.warns(UserWarning, match=message) as caught:
        tensors = bundle.load_tensors()
    assert len(caught) == 1
    assert sorted(tensors) == sorted(bundle.tensor_specs()) == ["a", "b"]


def test_shards_in_folders_below(shard_model: ShardModel) -> None:
    bundle = shard_model({"a": "sub/v1.0/one.safetensors", "b": "two.safetensors"})
    (bundle.folder / "sub" / "v1.0").mkdir(parents=True)
    (bundle.folder / "one.safetensors").rename(bundle.folder / "sub" / "v1.0" / "one.safetensors")
    assert bundle.load_tensors()["a"].tolist() == [0, 1, 2]


def test_a_folder_below_that_leads_out(shard_model: ShardModel, tmp_path: Path) -> None:
    bundle = shard_model({"a": "sub/one.safetensors"})
    (tmp_path / "outside").mkdir()
    (bundle.folder / "one.safetensors").rename(tmp_path / "outside" / "one.safetensors")
    (bundle.folder / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(ModelFormatError, match="invalid shard name: a link that leaves the folder"):
        bundle.load_tensors()


def test_link_out_of_the_folder(shard_model: ShardModel, tmp_path: Path) -> None:
    bundle = shard_model()
    (bundle.folder / "two.safetensors").rename(tmp_path / "outside.safetensors")
    (bundle.folder / "two.safetensors").symlink_to("../outside.safetensors")
    with pytest.raises(ModelFormatError, match="invalid shard name: a link that leaves the folder"):
        bundle.load_tensors()


def test_link_within_the_folder(shard_model: ShardModel) -> None:
    bundle = shard_model()
    (bundle.folder / "two.safetensors").rename(bundle.folder / "real")
    (bundle.folder / "two.safetensors").symlink_to("real")
    assert len(bundle.load_tensors()) == 2


@pytest.mark.parametrize(
    ("blobs", "fits"),
    [("models--a--b/blobs", True), ("blobs/ab", True), ("models--a--c/blobs", False), ("other", False)],
)
def test_links_of_the_cache(shard_model: ShardModel, tmp_path: Path, blobs: str, fits: bool) -> None:
    """Snapshots are links to blobs: of their repository, or shared by the whole cache."""
    bundle = shard_model()
    target = tmp_path / "cache" / blobs
    snapshot = tmp_path / "cache" / "models--a--b" / "snapshots" / "c0ffee"
    target.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for path in bundle.folder.iterdir():
        path.rename(target / path.name)
        (snapshot / path.name).symlink_to(target / path.name)
    cached = ModelBundle.from_folder(snapshot)
    if fits:
        assert len(cached.load_tensors()) == 2
    else:
        with pytest.raises(ModelFormatError, match="leaves the folder"):
            cached.load_tensors()


def test_no_folder_and_no_config(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFormatError, match=r"absent: no such folder; a model is a folder with config\.json"
    ):
        ModelBundle.from_folder(tmp_path / "absent")
    with pytest.raises(ModelFormatError, match=r"no config\.json; is this a model folder"):
        ModelBundle.from_folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFormatError, match="file: not a folder"):
        ModelBundle.from_folder(tmp_path / "file")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_pickled_weights_are_not_read(model_folder: Path, name: str) -> None:
    (model_folder / "model.safetensors").rename(model_folder / name)
    bundle = ModelBundle.from_folder(model_folder)
    with pytest.raises(ModelFormatError, match=f"but {name}; only safetensors are read, no pickle"):
        bundle.load_tensors()


def test_no_weights(model_folder: Path) -> None:
    (model_folder / "model.safetensors").unlink()
    bundle = ModelBundle.from_folder(model_folder)
    with pytest.raises(ModelFormatError, match=r"no model\.safetensors or model\.safetensors\.index\.json$"):
        bundle.load_tensors()
    with pytest.raises(
        ModelFormatError, match=r"no pytorch_model\.bin\.index\.json; there is no pytorch_model"
    ):
        bundle.load_torch_tensors()


def test_no_tokenizer(model_folder: Path) -> None:
    bundle = ModelBundle.from_folder(model_folder)
    for name in ("vocab.json", "merges.txt"):
        bundle.check_tokenizer()
        (model_folder / name).unlink()
    bundle.check_tokenizer()
    with pytest.raises(
        ModelFormatError, match=r"no vocab\.json; the tokenizer of this folder is tokenizer\.json"
    ):
        str(bundle.vocab_path)
    (model_folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFormatError, match=r"no vocab\.json; the folder has no tokenizer files"):
        bundle.check_tokenizer()
    (model_folder / "vocab.json").write_text("{}")
    with pytest.raises(ModelFormatError, match=r"no merges\.txt; the folder has no tokenizer files"):
        bundle.check_tokenizer()
    assert bundle.tokenizer_path is None
    assert bundle.load_tensors()


@pytest.mark.parametrize("names", [["vocab.txt"], ["encoder.json", "vocab.bpe"], ["tokenizer.model"]])
def test_other_forms_of_a_tokenizer(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        with pytest.raises(ModelFormatError, match="the folder has no tokenizer files"):
            ModelBundle(tmp_path).check_tokenizer()
        (tmp_path / name).write_bytes(b"")
    ModelBundle(tmp_path).check_tokenizer()
