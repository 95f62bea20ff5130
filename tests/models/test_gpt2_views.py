"""What GPT-2 shows of itself: attention weights, and the stages by their names."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import PackedBatch
from hornbook.errors import ContextLengthError, ShapeError
from hornbook.models import GPT2, GPT2Config
from hornbook.tensor import no_grad

IDS = [3, 1, 4, 1, 5]
CONFIG = GPT2Config(vocab_size=11, n_positions=23, n_embd=14, n_layer=3, n_head=7, n_inner=13)


@pytest.fixture
def model() -> GPT2:
    """All numbers far from their first values, so that each of them counts."""
    model, rng = GPT2(CONFIG, seed=0), np.random.default_rng(0)
    for parameter in model.parameters():
        parameter.data = rng.normal(0.3, 0.7, parameter.shape).astype("float32")
    return model


def attention_by_hand(x: NDArray[Any], state: dict[str, NDArray[Any]], block: int) -> NDArray[Any]:
    """The formulas of the paper, in float64: `[T, C] -> [H, T, T]`."""
    weight, bias = state[f"h.{block}.ln_1.weight"], state[f"h.{block}.ln_1.bias"]
    centred = x - x.mean(axis=1, keepdims=True)
    normalised = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * weight + bias
    qkv = normalised @ state[f"h.{block}.attn.c_attn.weight"] + state[f"h.{block}.attn.c_attn.bias"]
    q, k, _ = qkv.reshape(len(x), 3, CONFIG.n_head, 2).transpose(1, 2, 0, 3)
    scores = np.exp(q @ k.transpose(0, 2, 1) / np.sqrt(2)) * np.tri(len(x))
    return np.asarray(scores / scores.sum(axis=-1, keepdims=True))


def test_attention_weights_are_those_of_the_formulas(model: GPT2) -> None:
    batch = PackedBatch.pack([IDS])
    state = {name: array.astype("float64") for name, array in model.state_dict().items()}
    with no_grad():
        ours = model.attention_weights(batch).numpy()
        streams = [x.numpy().astype("float64") for x in model.hidden_states(batch)]
    assert ours.shape == (3, 7, 5, 5)
    for block, weights in enumerate(ours):
        np.testing.assert_allclose(weights, attention_by_hand(streams[block], state, block), atol=1e-5)


def test_packed_weights_give_the_same_attention(model: GPT2) -> None:
    with no_grad():
        before = model.attention_weights(PackedBatch.pack([IDS])).numpy()
        model.pack("float32")
        np.testing.assert_allclose(
            model.attention_weights(PackedBatch.pack([IDS])).numpy(), before, atol=1e-6
        )


@pytest.mark.parametrize("sequences", [[], [[1], [2]]])
def test_attention_weights_are_those_of_one_sequence(model: GPT2, sequences: list[list[int]]) -> None:
    with pytest.raises(
        ShapeError, match=rf"^attention_weights: expected one sequence, got {len(sequences)}$"
    ):
        model.attention_weights(PackedBatch.pack(sequences))


def test_stages_name_the_hidden_states_in_order(model: GPT2) -> None:
    batch = PackedBatch.pack([IDS])
    stages, states = dict(model.stages(len(IDS))), list(model.hidden_states(batch))
    assert list(stages) == ["embedding", "block 0", "block 1", "block 2", "ln_f"]
    assert len(states) == len(stages)
    assert stages["embedding"] == "wte[id] + wpe[position], rows of 11 and 23"
    assert stages["block 1"] == "attention qkv [5, 42], 7 heads [7, 5, 2], weights [7, 5, 5]; mlp [5, 13]"
    assert stages["ln_f"] == "layer norm"


def test_the_last_hidden_state_is_the_encoding(model: GPT2) -> None:
    batch = PackedBatch.pack([IDS, [2, 7]])
    *_, last = model.hidden_states(batch)
    assert last.numpy().tobytes() == model.encode(batch).numpy().tobytes()


def test_a_failed_step_leaves_the_cache_as_it_was(model: GPT2) -> None:
    cache = model.new_cache(1, 2 * CONFIG.n_positions)
    with no_grad():
        model.encode(PackedBatch.pack([IDS]), cache)
        with pytest.raises(ContextLengthError, match="the model takes 23"):
            model.encode(PackedBatch.pack([IDS], np.array([20])), cache)
    assert cache.lengths.tolist() == [5]
