from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import hornbook
from hornbook.backend import PackedBatch
from hornbook.errors import ConfigError, ContextLengthError
from hornbook.hub import ModelBundle
from hornbook.loading import save_model
from hornbook.models import GPT2, GPT2Config
from hornbook.tensor import no_grad

TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
TEXT = "The cat sat on the mat. 日本 👩‍👧"


@pytest.fixture(scope="module")
def explanation() -> hornbook.Explanation:
    return hornbook.explain(TEXT)


def test_tokens_are_found_in_the_text(explanation: hornbook.Explanation) -> None:
    lm = hornbook.load()
    assert [token.id for token in explanation.tokens] == lm.tokenizer.encode(TEXT)
    for token in explanation.tokens:
        assert token.text == lm.tokenizer.decode([token.id])
        if "\ufffd" not in token.text:
            assert TEXT[token.start : token.end] == token.text
    assert {i for token in explanation.tokens for i in range(token.start, token.end)} == set(range(len(TEXT)))


def test_stages_are_the_parts_of_the_model_with_their_shapes(explanation: hornbook.Explanation) -> None:
    n = len(explanation.tokens)
    names = ["embedding", "block 0", "block 1", "block 2", "block 3", "ln_f", "pooling"]
    assert [stage.name for stage in explanation.stages] == names
    assert [stage.shape for stage in explanation.stages] == [(n, 256)] * 6 + [(1, 256)]
    assert f"qkv [{n}, 768], 4 heads [4, {n}, 64]" in explanation.stages[1].made_by
    assert f"weights [4, {n}, {n}]; mlp [{n}, 1024]" in explanation.stages[1].made_by
    assert explanation.stages[-1].norm == pytest.approx(np.linalg.norm(explanation.embedding), rel=1e-6)


def test_norms_by_hand(explanation: hornbook.Explanation) -> None:
    lm = hornbook.load()
    batch = PackedBatch.pack([lm.tokenizer.encode(TEXT)])
    with no_grad():
        states = [state.numpy() for state in cast(GPT2, lm.model).hidden_states(batch)]
    for stage, state in zip(explanation.stages, states, strict=False):
        assert stage.norm == pytest.approx(np.sqrt((state**2).sum(1)).mean(), rel=1e-5)


def test_predictions_are_the_likeliest_tokens(explanation: hornbook.Explanation) -> None:
    lm = hornbook.load()
    logits = lm.logits(lm.tokenizer.encode(TEXT))[-1].astype(np.float64)
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    ours = [prediction.probability for prediction in explanation.predictions]
    assert ours == sorted(ours, reverse=True)
    assert sum(ours) <= 1
    assert [p.id for p in explanation.predictions] == np.argsort(-expected)[:5].tolist()
    for prediction in explanation.predictions:
        assert prediction.probability == pytest.approx(expected[prediction.id], rel=1e-4)
        assert prediction.text == lm.tokenizer.decode([prediction.id])


def test_attention_looks_back_and_sums_to_one(explanation: hornbook.Explanation) -> None:
    n = len(explanation.tokens)
    assert explanation.attention.shape == (4, 4, n, n)
    np.testing.assert_allclose(explanation.attention.sum(-1), 1, atol=1e-5)
    assert not explanation.attention[..., np.triu(np.ones((n, n), bool), 1)].any()
    np.testing.assert_array_equal(explanation.attention_map(2, 3), explanation.attention[2, 3])


@pytest.mark.parametrize(("layer", "head"), [(4, 0), (0, 4), (-1, 0), (0, -1)])
def test_maps_that_do_not_exist(explanation: hornbook.Explanation, layer: int, head: int) -> None:
    with pytest.raises(ConfigError, match=rf"layers 0 to 3 with heads 0 to 3 exist, got {layer}\.{head}"):
        explanation.attention_map(layer, head)


def test_the_vector_is_the_embedders(explanation: hornbook.Explanation) -> None:
    expected = hornbook.Embedder().encode(TEXT)
    assert np.linalg.norm(explanation.embedding - expected) < 1e-6 * np.linalg.norm(expected)


def test_one_character_is_enough() -> None:
    short = hornbook.explain("x")
    assert short.attention.shape == (4, 4, 1, 1)
    assert [(token.start, token.end) for token in short.tokens] == [(0, 1)]


def test_texts_that_cannot_be_followed() -> None:
    with pytest.raises(ConfigError, match=r"^explain: the text is empty"):
        hornbook.explain("")
    with pytest.raises(ContextLengthError, match=r"513 tokens.* takes 512"):
        hornbook.explain(" the" * 513)
    nothing: Any = None
    with pytest.raises(TypeError, match="text must be str"):
        hornbook.explain(nothing)


def test_a_model_with_more_tokens_than_its_tokenizer(tmp_path: Path) -> None:
    """Such rows are there to make the table's size round; they have no text. Here they are the likeliest."""
    lm = hornbook.load()
    tensors = dict(ModelBundle.from_folder(TINY_LM).load_tensors())
    table = tensors["transformer.wte.weight"]
    last = lm.logits(lm.tokenizer.encode("x"))[-1]
    likeliest = int(np.abs(last).argmax())
    padding = np.tile(100 * np.sign(last[likeliest]) * table[likeliest], (5, 1))
    tensors["lm_head.weight"] = np.concatenate([table, padding])
    tensors["transformer.wte.weight"] = np.concatenate([table, 0 * padding])
    values = lm.config.to_dict() | {"vocab_size": 8197}
    model = GPT2.from_hub_weights(GPT2Config.from_dict(values), tensors)
    save_model(tmp_path, model, lm.tokenizer)
    padded = hornbook.load(tmp_path)
    assert padded.logits(padded.tokenizer.encode("x"))[-1].argmax() >= 8192
    assert max(padded.complete("x", seed=3).ids) < 8192
    ours, theirs = hornbook.explain("x", tmp_path).predictions, hornbook.explain("x").predictions
    assert [prediction.id for prediction in ours] == [prediction.id for prediction in theirs]
    assert ours[0].probability == pytest.approx(theirs[0].probability, rel=1e-4)
