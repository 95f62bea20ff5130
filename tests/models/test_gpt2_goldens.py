"""GPT-2 against transformers: hidden states, logits, losses, gradients, greedy continuations."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

import hornbook
from hornbook.backend import PackedBatch
from hornbook.embedding import Pooling
from hornbook.models import GPT2
from hornbook.tensor import no_grad

TINY_LM = Path(__file__).resolve().parent.parent / "golden" / "tiny_lm"

LARGEST_DIFFERENCE = 1e-4
# A norm of differences averages over rounding, at most some sixteen roundings deep in these models. An
# epsilon of 1.2e-5 instead of 1e-5, or erf instead of tanh, stands out from it by more than three times.
RELATIVE_ERROR = 16 * np.finfo(np.float32).eps


def assert_equal_states(ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < LARGEST_DIFFERENCE
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < RELATIVE_ERROR


def layers(model: GPT2, batch: PackedBatch) -> NDArray[Any]:
    """Hidden states as transformers lists them: its last one has ln_f applied."""
    with no_grad():
        states = [state.numpy() for state in model.hidden_states(batch)]
    return np.stack([*states[:-2], states[-1]])


def test_hidden_states_of_every_layer(case: Any) -> None:
    ours = layers(case.model, case.batch)
    for layer, theirs in enumerate(case.expected["hidden"]):
        assert_equal_states(ours[layer], theirs)
    assert len(ours) == case.config.n_layer + 1


def test_logits_of_packed_and_of_textbook_shapes(case: Any) -> None:
    with no_grad():
        assert_equal_states(case.model.logits(case.model.encode(case.batch)).numpy(), case.expected["logits"])
        ids = case.sequences[0]
        first = case.expected["logits"][: len(ids)]
        assert_equal_states(case.model(ids).numpy(), first)
        assert_equal_states(case.model([ids, ids]).numpy(), np.stack([first, first]))


def test_mean_vectors(case: Any) -> None:
    with no_grad():
        mean = Pooling("mean")(case.model.encode(case.batch), case.batch).numpy()
    assert_equal_states(mean, case.expected["mean"])


def test_losses(case: Any) -> None:
    with no_grad():
        losses = case.model.losses(case.batch).numpy()
    assert losses.shape == case.batch.ids.shape
    assert not losses[case.batch.offsets[1:] - 1].any()
    means = [part[:-1].mean() for part in np.split(losses, case.batch.offsets[1:-1])]
    np.testing.assert_allclose(means, case.expected["loss"], rtol=float(RELATIVE_ERROR))


def test_gradients_of_all_parameters(gradient_case: Any) -> None:
    batch, theirs = gradient_case.batch, gradient_case.arrays("gradients.npz")
    weights = np.repeat(1 / (batch.lengths - 1), batch.lengths)
    gradient_case.model.losses(batch).backward(weights)
    ours = {name: parameter.grad for name, parameter in gradient_case.model.named_parameters()}
    assert len(ours) == len(theirs)
    for name, gradient in ours.items():
        expected = theirs[name if name in theirs else f"transformer.{name}"]
        assert gradient.shape == expected.shape
        # Each number went through the model and back: three times the depth of the hidden states.
        assert np.linalg.norm(gradient - expected) / np.linalg.norm(expected) < 3 * RELATIVE_ERROR, name


def test_greedy_continuation_to_the_last_position(case: Any) -> None:
    config = hornbook.GenerationConfig(temperature=0, max_new_tokens=10**9, eos_token_ids=())
    result = hornbook.TextGenerator(case.model).generate(case.sequences[0], config)
    assert list(result) == case.expected["greedy"].tolist()
    assert result.finish_reason == "length"
    assert len(result.ids) == case.config.n_positions


def check_language_model(lm: hornbook.LanguageModel, expected: Any) -> None:
    batch = PackedBatch.pack(lm.tokenizer.encode(str(text)) for text in expected["texts"])
    assert batch.ids.tolist() == expected["ids"].tolist()
    assert batch.offsets.tolist() == expected["offsets"].tolist()
    model = cast(GPT2, lm.model)
    with no_grad():
        states = list(model.hidden_states(batch))
        means = [Pooling("mean")(state, batch).numpy() for state in [*states[:-2], states[-1]]]
        losses = model.losses(PackedBatch.pack([expected["passage_ids"]])).numpy()
    for ours, theirs in zip(means, expected["layer_means"], strict=True):
        assert_equal_states(ours, theirs)
    assert lm.tokenizer.encode(str(expected["passage"]))[:200] == expected["passage_ids"].tolist()
    assert np.abs(losses[:-1] - expected["losses"]).max() < 2e-5
    for number in (0, 1):
        check_greedy_text(lm, str(expected["texts"][number]), expected[f"greedy_{number}"].tolist())


def check_greedy_text(lm: hornbook.LanguageModel, prompt: str, ids: list[int]) -> None:
    completion = lm.complete(prompt, temperature=0, max_new_tokens=200, eos_token_ids=())
    assert [*completion.prompt_ids, *completion.ids] == ids
    assert completion.text == lm.tokenizer.decode(ids[len(completion.prompt_ids) :])


def test_builtin_model() -> None:
    lm = hornbook.load("tiny-lm")
    with np.load(TINY_LM / "expected.npz") as expected:
        check_language_model(lm, expected)
        for text, logits in zip(expected["texts"], expected["last_logits"], strict=True):
            assert_equal_states(lm.logits(lm.tokenizer.encode(str(text)))[-2:], logits)


def test_draft_model(test_data: Path) -> None:
    lm = hornbook.load(test_data / "models" / "draft-gpt2")
    with np.load(TINY_LM / "draft_expected.npz") as expected:
        check_language_model(lm, expected)
        assert lm.tokenizer.encode(str(expected["short_text"])) == expected["short_ids"].tolist()
        assert_equal_states(lm.logits(expected["short_ids"]), expected["short_logits"])
        ours = layers(cast(GPT2, lm.model), PackedBatch.pack([expected["layers_ids"]]))
        for layer, theirs in enumerate(expected["layers_hidden"]):
            assert_equal_states(ours[layer], theirs)


@pytest.mark.parametrize("ids", [[], np.empty(0, np.int64)])
def test_no_ids_give_no_logits(ids: Any) -> None:
    lm = hornbook.load("tiny-lm")
    logits = lm.logits(ids)
    assert logits.shape == (0, 8192)
    assert logits.dtype == np.float32
