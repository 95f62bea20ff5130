"""A family of models in 60 lines: everything above `models` loads, generates, embeds and saves with it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import hornbook
from hornbook.backend import Generator, KVCache, PackedBatch, get_backend
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.loading import load_model
from hornbook.models import (
    ARCHITECTURES,
    Architecture,
    CheckpointFormat,
    Decoder,
    Source,
    StoredParameter,
)
from hornbook.nn import Attention, Embedding, Module
from hornbook.tensor import Tensor

TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"


@dataclass(frozen=True)
class ToyConfig:
    model_type: ClassVar[str] = "toy"
    vocab_size: int = 8192
    n_positions: int = 31
    n_embd: int = 12
    n_layer: int = 1
    bos_token_id: int | None = 0
    eos_token_ids: tuple[int, ...] = (0,)

    @property
    def num_parameters(self) -> int:
        return self.vocab_size * self.n_embd + 4 * self.n_embd * (self.n_embd + 1)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ToyConfig":
        return cls(n_positions=values["length"], n_embd=values["width"])

    def to_dict(self) -> dict[str, Any]:
        return {"model_type": self.model_type, "length": self.n_positions, "width": self.n_embd}


class Toy(Module):
    """One layer of attention, without positions, norms and MLP."""

    def __init__(self, config: ToyConfig, rng: Generator | None = None) -> None:
        self.config = config
        self.words = Embedding(config.vocab_size, config.n_embd, std=1, rng=rng)
        self.attention = Attention(config.n_embd, 3, std=0.5, residual_std=0.5, rng=rng)

    def encode(self, batch: PackedBatch, cache: KVCache | None = None) -> Tensor:
        x = self.words(batch.ids)
        x = self.attention(x, batch.offsets, cache=cache.layers[0] if cache else None, residual=x)
        if cache:
            cache.advance(batch.lengths)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        return self.words.unembed(hidden)

    def new_cache(self, n_sequences: int, capacity: int) -> KVCache:
        return get_backend().new_cache(1, n_sequences, 3, self.config.n_embd // 3, capacity)


class ToyCheckpoint(CheckpointFormat[ToyConfig]):
    """Files with three projections where the model has one, and matrices the other way round."""

    prefix = "toy."
    input_embedding = "words"
    signature = frozenset({"words", "q.weight", "o.bias"})

    def parameters(self, config: ToyConfig) -> Iterator[StoredParameter]:
        c = config.n_embd
        yield StoredParameter("words.weight", (Source("words", (config.vocab_size, c)),))
        qkv = [Source(name, (c, c), transposed=True) for name in ("q.weight", "k.weight", "v.weight")]
        yield StoredParameter("attention.c_attn.weight", tuple(qkv))
        biases = [Source(name, (c,)) for name in ("q.bias", "k.bias", "v.bias")]
        yield StoredParameter("attention.c_attn.bias", tuple(biases))
        yield StoredParameter("attention.c_proj.weight", (Source("o.weight", (c, c), transposed=True),))
        yield StoredParameter("attention.c_proj.bias", (Source("o.bias", (c,)),))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "toy", Architecture(ToyConfig, Toy, ToyCheckpoint()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A toy with the built-in tokenizer, written with the names of its files."""
    rng = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {"words": (8192, 12), **{f"{n}.weight": (12, 12) for n in "qkvo"}}
    shapes |= {f"{n}.bias": (12,) for n in "qkvo"}
    tensors = {f"toy.{name}": rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    save_file({n: array.astype(np.float32) for n, array in tensors.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "toy", "length": 31, "width": 12}))
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((TINY_LM / name).read_bytes())
    return tmp_path


def by_hand(folder: Path, ids: list[int]) -> Any:
    """Hidden states `[T, C]` in NumPy, from the tensors of the file."""
    t = {
        name.removeprefix("toy."): x.astype(np.float64)
        for name, x in load_file(folder / "model.safetensors").items()
    }
    x = t["words"][ids]
    q, k, v = ((x @ t[f"{n}.weight"].T + t[f"{n}.bias"]).reshape(-1, 3, 4).swapaxes(0, 1) for n in "qkv")
    scores = q @ k.swapaxes(1, 2) / 2 + np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    heads = (weights / weights.sum(-1, keepdims=True)) @ v
    return x + heads.swapaxes(0, 1).reshape(len(ids), 12) @ t["o.weight"].T + t["o.bias"]


def test_it_loads_and_computes(folder: Path) -> None:
    lm = hornbook.load(folder)
    assert isinstance(lm.model, Toy)
    assert isinstance(lm.model, Decoder)
    ids = lm.tokenizer.encode("The cat sat on the mat")
    expected = by_hand(folder, ids)
    table = load_file(folder / "model.safetensors")["toy.words"]
    np.testing.assert_allclose(lm.logits(ids), expected @ table.T, rtol=1e-4, atol=1e-4)


def test_it_generates_as_without_a_cache(folder: Path) -> None:
    lm = hornbook.load(folder)
    completion = lm.complete("The cat", temperature=0, max_new_tokens=7, eos_token_ids=())
    ids = list(completion.prompt_ids)
    for _ in range(7):
        ids.append(int(lm.logits(ids)[-1].argmax()))
    assert list(completion.prompt_ids + completion.ids) == ids
    assert "".join(step.text for step in lm.stream("The cat", seed=3)) == lm.generate("The cat", seed=3)


def test_it_embeds(folder: Path) -> None:
    embedder = hornbook.Embedder(folder)
    texts = ["The cat sat on the mat", "It rains"]
    expected = [by_hand(folder, embedder.tokenizer.encode(text)).mean(axis=0) for text in texts]
    np.testing.assert_allclose(embedder.encode(texts), expected, rtol=1e-4, atol=1e-5)
    assert embedder.dimensions == 12
    last = hornbook.Embedder(embedder.model, embedder.tokenizer, [hornbook.Pooling("lasttoken")])
    np.testing.assert_allclose(
        last.encode(texts[0]), by_hand(folder, embedder.tokenizer.encode(texts[0]))[-1], rtol=1e-4, atol=1e-5
    )


def test_it_is_saved_as_it_was_read(folder: Path, tmp_path: Path) -> None:
    hornbook.load(folder).save(tmp_path / "copy")
    theirs, ours = (load_file(each / "model.safetensors") for each in (folder, tmp_path / "copy"))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        np.testing.assert_array_equal(ours[name], tensor)
    again = hornbook.load(tmp_path / "copy")
    assert again.generate("The cat", seed=3) == hornbook.load(folder).generate("The cat", seed=3)


def test_from_parts_without_a_folder() -> None:
    tokenizer = hornbook.load("tiny-lm").tokenizer
    lm = hornbook.LanguageModel(Toy(ToyConfig(), get_backend().generator(3)), tokenizer)
    assert len(lm.complete("The cat", max_new_tokens=3, temperature=0, eos_token_ids=()).ids) == 3
    assert lm.name == "Toy"


def test_wrong_files_are_named(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["toy.k.weight"] = np.zeros((12, 5), np.float32)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelFormatError, match=r"k\.weight expects \(12, 12\), got \(12, 5\)"):
        load_model(folder)
    del tensors["toy.k.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelFormatError, match=r"missing tensors \(1\): k\.weight"):
        load_model(folder)


def test_a_family_that_only_encodes_cannot_generate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyEncodes(Module):
        """A toy without an output."""

        def __init__(self, config: ToyConfig) -> None:
            self.config, self.toy = config, Toy(config)
            self.words, self.attention = self.toy.words, self.toy.attention
            del self.toy

        def encode(self, batch: PackedBatch) -> Tensor:
            return self.words(batch.ids)

    monkeypatch.setitem(ARCHITECTURES, "toy", Architecture(ToyConfig, OnlyEncodes, ToyCheckpoint()))
    assert hornbook.Embedder(folder).encode("The cat").shape == (12,)
    with pytest.raises(ConfigError, match="OnlyEncodes only encodes; it cannot generate"):
        hornbook.load(folder)
    with pytest.raises(ConfigError, match="explain: OnlyEncodes does not show its steps"):
        hornbook.explain("The cat", folder)


def test_tensors_of_different_widths_are_joined_and_taken_apart() -> None:
    class Uneven(ToyCheckpoint):
        """A parameter of a matrix the other way round and one as it is."""

        prefix = ""

        def parameters(self, config: ToyConfig) -> Iterator[StoredParameter]:
            yield StoredParameter("words.weight", (Source("words", (config.vocab_size, 12)),))
            sources = Source("wide", (5, 3), transposed=True), Source("narrow", (3, 2))
            yield StoredParameter("both", sources)

    rng = np.random.default_rng(3)
    files = {"words": (8192, 12), "wide": (5, 3), "narrow": (3, 2)}
    tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in files.items()}
    _, state = Uneven().read(ToyConfig(), tensors)
    np.testing.assert_array_equal(state["both"], np.hstack([tensors["wide"].T, tensors["narrow"]]))
    written = Uneven().write(ToyConfig(), state)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(written[name], tensor)
