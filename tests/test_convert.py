"""Checkpoints of other programs become folders that load, with the logits that transformers computes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.hub.torch_files import counts, integer, mapping, storage, tensor, zipped

import hornbook
from hornbook.errors import ModelFormatError
from hornbook.loading import convert_model

TIED = Path(__file__).resolve().parent / "golden" / "gpt2" / "tied"
MATRICES = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")


@pytest.fixture
def tensors() -> dict[str, Any]:
    """As transformers has them."""
    return dict(load_file(TIED / "model.safetensors"))


def transposed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: x.T.copy() if name.endswith(MATRICES) else x for name, x in tensors.items()}


def torch_bytes(tensors: dict[str, Any], **beside: bytes) -> bytes:
    """What torch.save writes for a state dict, or with `beside` for a training checkpoint that holds one."""
    state = {}
    for key, (name, x) in enumerate(tensors.items()):
        strides = counts(*(stride // x.itemsize for stride in x.strides))
        state[name] = tensor(storage("FloatStorage", str(key), x.size), counts(*x.shape), strides)
    content = mapping({"model": mapping(state), **beside}) if beside else mapping(state)
    return zipped(content, {str(key): x.tobytes() for key, x in enumerate(tensors.values())})


def assert_logits(folder: Path) -> None:
    with np.load(TIED / "expected.npz") as expected:
        n = expected["offsets"][1]
        ours = hornbook.load(folder).logits(expected["ids"][:n])
        assert np.abs(ours - expected["logits"][:n]).max() < 1e-4


@pytest.mark.parametrize("name", ["pytorch_model.bin", "elsewhere.pt"])
def test_weights_of_pytorch(tmp_path: Path, tensors: dict[str, Any], name: str) -> None:
    (tmp_path / name).write_bytes(torch_bytes(tensors))
    shutil.copy(TIED / "config.json", tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    source = tmp_path if name == "pytorch_model.bin" else tmp_path / name
    convert_model(source, tmp_path / "new")
    assert_logits(tmp_path / "new")
    written = load_file(tmp_path / "new" / "model.safetensors")
    assert written.keys() == tensors.keys()
    assert (tmp_path / "new" / "vocab.json").read_text() == "{}"


def test_shards_of_pytorch(tmp_path: Path, tensors: dict[str, Any]) -> None:
    shutil.copy(TIED / "config.json", tmp_path)
    names = list(tensors)
    weight_map: dict[str, str] = {}
    for number, part in enumerate((names[:5], names[5:])):
        file = f"pytorch_model-0000{number}.bin"
        (tmp_path / file).write_bytes(torch_bytes({name: tensors[name] for name in part}))
        weight_map |= dict.fromkeys(part, file)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    convert_model(tmp_path, tmp_path)
    assert_logits(tmp_path)


def test_a_checkpoint_of_nanogpt(tmp_path: Path, tensors: dict[str, Any]) -> None:
    """Transposed, wrapped, with its own copy of the token table; its GELU is the exact one."""
    state = {f"_orig_mod.{name}": x for name, x in transposed(tensors).items()}
    state["_orig_mod.lm_head.weight"] = tensors["transformer.wte.weight"].copy()
    arguments = mapping({"n_layer": integer(3), "n_head": integer(2), "n_embd": integer(14)})
    (tmp_path / "ckpt.pt").write_bytes(torch_bytes(state, model_args=arguments, iter_num=integer(7)))
    model = convert_model(tmp_path / "ckpt.pt", tmp_path / "new")
    assert (model.config.n_head, model.config.activation_function) == (2, "gelu")
    config = json.loads((tmp_path / "new" / "config.json").read_bytes())
    (tmp_path / "new" / "config.json").write_text(json.dumps(config | {"activation_function": "gelu_new"}))
    assert_logits(tmp_path / "new")


def test_a_model_of_llm_c(tmp_path: Path, tensors: dict[str, Any]) -> None:
    found = {name.removeprefix("transformer."): x for name, x in transposed(tensors).items()}
    header = np.zeros(256, "<i4")
    header[:8] = 20240326, 3, 19, 67, 3, 2, 14, 71
    order = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias"]
    order += ["attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias"]
    order += ["mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"]
    parts = [found["wte.weight"], np.zeros((4, 14), np.float32), found["wpe.weight"]]
    parts += [found[f"h.{i}.{name}"] for name in order for i in range(3)]
    parts += [found["ln_f.weight"], found["ln_f.bias"]]
    (tmp_path / "model.bin").write_bytes(header.tobytes() + b"".join(x.tobytes() for x in parts))
    convert_model(tmp_path / "model.bin", tmp_path / "new")
    assert_logits(tmp_path / "new")


def test_what_cannot_be_converted(tmp_path: Path, tensors: dict[str, Any]) -> None:
    with pytest.raises(ModelFormatError, match=r"no pytorch_model\.bin.*; name the file"):
        convert_model(tmp_path, tmp_path / "new")
    (tmp_path / "x.pt").write_bytes(torch_bytes({"w": np.zeros((2, 3), np.float32)}))
    with pytest.raises(ModelFormatError, match=r"x\.pt: model_type: expected gpt2, got None"):
        convert_model(tmp_path / "x.pt", tmp_path / "new")
    (tmp_path / "x.pt").write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(ModelFormatError, match=r"x\.pt: .*HTML"):
        convert_model(tmp_path / "x.pt", tmp_path / "new")
    index = {"weight_map": {"w": "../x.pt"}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelFormatError, match=r"expected the name of a file, got '\.\./x\.pt'"):
        convert_model(tmp_path, tmp_path / "new")
    assert not (tmp_path / "new").exists()
