"""Files that are unusual and not wrong: the logits are those of transformers for the usual ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hornbook
from hornbook.errors import ModelConfigError
from hornbook.models import GPT2Config, config_from_dict
from hornbook.tensor import Tensor, no_grad

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "gpt2"
ALIASES = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_positions": "max_position_embeddings",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint to change, with what transformers computes from it."""
    return Path(shutil.copytree(GOLDEN / "tied", tmp_path / "model"))


def change(folder: Path, removed: tuple[str, ...] = (), **values: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_bytes())
    path.write_text(json.dumps({key: config[key] for key in config if key not in removed} | values))


def assert_logits(folder: Path) -> None:
    with np.load(folder / "expected.npz") as expected:
        n = expected["offsets"][1]
        ours = hornbook.load(folder).logits(expected["ids"][:n])
        assert np.abs(ours - expected["logits"][:n]).max() < 1e-4


@pytest.mark.parametrize("names", [{key: alias} for key, alias in ALIASES.items()] + [ALIASES])
def test_sizes_by_the_names_of_other_families(folder: Path, names: dict[str, str]) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    change(folder, tuple(names), **{alias: config[key] for key, alias in names.items()})
    assert_logits(folder)


def test_the_familys_own_names_count_before_others(folder: Path) -> None:
    change(folder, hidden_size=28, num_hidden_layers=1)
    assert_logits(folder)


@pytest.mark.parametrize("architectures", [["GPT2LMHeadModel"], ["GPT2Model"], None, "GPT2Model", [], [3]])
def test_without_a_model_type(folder: Path, architectures: Any) -> None:
    change(folder, ("model_type",), architectures=architectures)
    assert_logits(folder)


def test_another_model_type_is_not_guessed(folder: Path) -> None:
    change(folder, model_type="gpt_neo")
    with pytest.raises(ModelConfigError, match=r"config\.json: model_type: expected gpt2, got 'gpt_neo'"):
        hornbook.load(folder)


@pytest.mark.parametrize("removed", [("bos_token_id",), ("eos_token_id",), ("bos_token_id", "eos_token_id")])
def test_special_tokens_that_no_text_can_have(folder: Path, removed: tuple[str, ...]) -> None:
    change(folder, (), **dict.fromkeys(removed, 50256))
    assert_logits(folder)
    config = hornbook.load(folder).config
    assert (config.bos_token_id is None) == ("bos_token_id" in removed)
    assert (config.eos_token_ids == ()) == ("eos_token_id" in removed)


def test_several_tokens_that_end_a_text(folder: Path) -> None:
    (folder / "generation_config.json").unlink(missing_ok=True)
    greedy = hornbook.GenerationConfig(temperature=0, max_new_tokens=9)
    endless = hornbook.TextGenerator(hornbook.load(folder).model).generate(
        [1, 2], greedy.override(eos_token_ids=())
    )
    stop = endless.new_ids[2]
    change(folder, eos_token_id=[66, stop, 50256])
    model = hornbook.load(folder).model
    assert model.config.eos_token_ids == (66, stop)
    stopped = hornbook.TextGenerator(model).generate([1, 2], greedy)
    assert stopped.finish_reason == "stop"
    assert stopped.new_ids == endless.new_ids[: endless.new_ids.index(stop)]
    again = config_from_dict(json.loads(json.dumps(model.config.to_dict())))
    assert again == model.config


def test_quick_gelu(folder: Path) -> None:
    """x sigmoid(1.702 x), as transformers' QuickGELUActivation has it; computed here by hand in float64."""
    change(folder, activation_function="quick_gelu")
    lm = hornbook.load(folder)
    assert isinstance(lm.model, hornbook.GPT2)
    mlp = lm.model.h[0].mlp
    x = np.random.default_rng(3).normal(size=(5, 14)).astype(np.float32)
    weights = {name: np.asarray(x, np.float64) for name, x in mlp.state_dict().items()}
    inner = x @ weights["c_fc.weight"] + weights["c_fc.bias"]
    expected = inner / (1 + np.exp(-1.702 * inner)) @ weights["c_proj.weight"] + weights["c_proj.bias"]
    with no_grad():
        np.testing.assert_allclose(mlp(Tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "same"), [("gelu_fast", "gelu_new"), ("gelu_python", "gelu")])
def test_other_names_of_activations(name: str, same: str) -> None:
    """The formulas of transformers 5.24: gelu_fast is the tanh form, gelu_python goes through erf."""
    assert GPT2Config(activation_function=name).activation == GPT2Config(activation_function=same).activation


def test_numbers_of_numpy_are_numbers() -> None:
    numbers: dict[str, Any] = {
        "vocab_size": np.int64(61),
        "n_embd": np.uint8(12),
        "layer_norm_epsilon": np.float32(0.25),
        "bos_token_id": np.int32(0),
    }
    config = GPT2Config(**numbers)
    assert json.dumps(config.to_dict())
    assert (type(config.n_embd), type(config.layer_norm_epsilon)) == (int, float)
