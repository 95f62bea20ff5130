"""Classification of texts: the logits of transformers' GPT2ForSequenceClassification."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import hornbook
from hornbook.backend import PackedBatch
from hornbook.errors import ConfigError, ShapeError
from hornbook.generation import Classification
from hornbook.loading import load_model, save_model
from hornbook.models import Classifier, GPT2Classifier, GPT2ClassifierConfig
from hornbook.tensor import no_grad

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "gpt2_classifier"
CASES = ["three_labels", "one_score"]
TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"


def expected(name: str) -> tuple[PackedBatch, Any]:
    with np.load(GOLDEN / name / "expected.npz") as arrays:
        return PackedBatch.from_offsets(arrays["ids"], arrays["offsets"]), arrays["logits"]


@pytest.mark.parametrize("name", CASES)
def test_logits_of_transformers(name: str) -> None:
    model = load_model(GOLDEN / name).model
    assert isinstance(model, Classifier)
    batch, logits = expected(name)
    with no_grad():
        assert np.abs(model.classify(batch).numpy() - logits).max() < 1e-4
    sizes = sum(x.size for x in load_file(GOLDEN / name / "model.safetensors").values())
    assert model.config.num_parameters == sizes


@pytest.mark.parametrize("name", CASES)
def test_it_is_saved_as_it_was_read(name: str, tmp_path: Path) -> None:
    loaded = load_model(GOLDEN / name)
    save_model(tmp_path, loaded.model)
    theirs, ours = (load_file(folder / "model.safetensors") for folder in (GOLDEN / name, tmp_path))
    assert ours.keys() == theirs.keys()
    for tensor, values in theirs.items():
        np.testing.assert_array_equal(ours[tensor], values)
    again = load_model(tmp_path)
    assert again.config == loaded.config
    written, read = (json.loads((f / "config.json").read_bytes()) for f in (tmp_path, GOLDEN / name))
    for key in ("architectures", "id2label", "pad_token_id"):
        assert written[key] == read[key]


def test_labels_by_name_or_number() -> None:
    values = {"vocab_size": 47, "n_embd": 14, "n_head": 2}
    names = {str(i): f"class {i}" for i in reversed(range(11))}
    assert GPT2ClassifierConfig.from_dict(values | {"id2label": names}).labels[2] == "class 2"
    assert GPT2ClassifierConfig.from_dict(values | {"num_labels": 1}).labels == ("LABEL_0",)
    assert GPT2ClassifierConfig.from_dict(values).labels == ("LABEL_0", "LABEL_1")
    for wrong in ({"id2label": {"x": "y"}}, {"num_labels": 0}, {"num_labels": "2"}):
        with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: expected"):
            GPT2ClassifierConfig.from_dict(values | wrong)


def test_texts_are_classified(tmp_path: Path) -> None:
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(TINY_LM / name, tmp_path)
    config = GPT2ClassifierConfig(
        vocab_size=8192, n_positions=31, n_embd=10, n_layer=1, n_head=2, labels=("bad", "so so", "good")
    )
    model = GPT2Classifier(config, seed=3)
    save_model(tmp_path, model)
    lm = hornbook.load(tmp_path)
    found = lm.classify("The cat sat on the mat")
    with no_grad():
        ids = lm.tokenizer.encode("The cat sat on the mat")
        logits = model.classify(PackedBatch.pack([[1, 2, 3], ids])).numpy()[1]
    np.testing.assert_allclose(found.logits, logits, rtol=1e-5, atol=1e-7)
    exps = np.exp(logits - logits.max())
    assert list(found.probabilities) == ["bad", "so so", "good"]
    assert list(found.probabilities.values()) == pytest.approx(exps / exps.sum())
    again = lm.classify("<|endoftext|>The cat", allowed_special="all")
    ids = [0, *lm.tokenizer.encode("The cat")]
    with no_grad():
        logits = model.classify(PackedBatch.pack([ids])).numpy()[0]
    np.testing.assert_allclose(again.logits, logits, rtol=1e-5, atol=1e-7)
    assert found.label == ["bad", "so so", "good"][int(found.logits.argmax())]
    assert hornbook.load(tmp_path).complete("The cat", max_new_tokens=2, eos_token_ids=()).ids


def test_a_single_score_is_a_sigmoid() -> None:
    score = Classification(("LABEL_0",), np.array([0.5], np.float32))
    assert score.probabilities == {"LABEL_0": pytest.approx(1 / (1 + np.exp(-0.5)))}


def test_logits_far_apart_are_probabilities() -> None:
    far = Classification(("no", "yes"), np.array([-1e3, 1e3], np.float32))
    assert far.probabilities == {"no": 0, "yes": 1}
    assert far.label == "yes"


def test_what_cannot_be_classified() -> None:
    with pytest.raises(ConfigError, match=r"^classify: tiny-lm has no layer that classifies"):
        hornbook.load("tiny-lm").classify("The cat")
    model = load_model(GOLDEN / "one_score").model
    assert isinstance(model, Classifier)
    with pytest.raises(ShapeError, match="a sequence is empty"):
        model.classify(PackedBatch.pack([[1], []]))
