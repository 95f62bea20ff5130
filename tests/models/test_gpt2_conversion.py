"""Other layouts of GPT-2 give the logits that transformers computes from the usual one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hornbook.errors import ModelFormatError
from hornbook.models import GPT2
from hornbook.models.gpt2_conversion import convert_gpt2, gpt2_config_of
from hornbook.tensor import no_grad

TIED = Path(__file__).resolve().parent.parent / "golden" / "gpt2" / "tied"
MATRICES = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")


@pytest.fixture
def tensors() -> dict[str, Any]:
    """As transformers has them."""
    return dict(load_file(TIED / "model.safetensors"))


def transposed(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: x.T.copy() if name.endswith(MATRICES) else x for name, x in tensors.items()}


def logits(tensors: dict[str, Any]) -> Any:
    config = gpt2_config_of(tensors, n_head=2)
    with np.load(TIED / "expected.npz") as expected, no_grad():
        ids = expected["ids"][: expected["offsets"][1]]
        return GPT2.from_hub_weights(config, convert_gpt2(config, tensors))(ids).numpy()


def expected_logits() -> Any:
    with np.load(TIED / "expected.npz") as expected:
        return expected["logits"][: expected["offsets"][1]]


@pytest.mark.parametrize("layout", [dict, transposed])
def test_matrices_either_way_round(tensors: dict[str, Any], layout: Any) -> None:
    assert np.abs(logits(layout(tensors)) - expected_logits()).max() < 1e-4


def test_names_of_nanogpt(tensors: dict[str, Any]) -> None:
    theirs = {f"_orig_mod.{name}": x for name, x in transposed(tensors).items()}
    theirs["_orig_mod.lm_head.weight"] = tensors["transformer.wte.weight"].copy()
    assert np.abs(logits(theirs) - expected_logits()).max() < 1e-4


def test_layers_without_biases_are_layers_with_zeros(tensors: dict[str, Any]) -> None:
    zeroed = {name: 0 * x if name.endswith(".bias") else x for name, x in tensors.items()}
    without = {name: x for name, x in transposed(tensors).items() if not name.endswith(".bias")}
    np.testing.assert_allclose(logits(without), logits(zeroed), rtol=0, atol=1e-4)
    assert np.abs(logits(without) - expected_logits()).max() > 0.1


def test_the_configuration_is_told_by_shapes(tensors: dict[str, Any]) -> None:
    config = gpt2_config_of(transposed(tensors), n_head=2, activation_function="gelu")
    assert (config.vocab_size, config.n_positions, config.n_embd, config.n_layer) == (67, 19, 14, 3)
    assert (config.n_head, config.inner_size, config.activation_function) == (2, 56, "gelu")
    wider = {name: np.zeros((14, 48)) if ".c_fc.weight" in name else x for name, x in tensors.items()}
    assert gpt2_config_of(transposed(wider)).n_inner == 48
    assert gpt2_config_of(tensors | {"transformer.wte.weight": np.zeros((5, 128))}).n_head == 2


def test_what_is_no_gpt2_is_named(tensors: dict[str, Any]) -> None:
    del tensors["transformer.wpe.weight"]
    with pytest.raises(ModelFormatError, match=r"convert: not a GPT-2: no tensor wpe\.weight$"):
        gpt2_config_of(tensors)
