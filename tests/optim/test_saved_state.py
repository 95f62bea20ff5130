"""Training that stops and goes on: weights, optimiser and dropout, through files, to the bit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hornbook.backend import PackedBatch, available_backends, use_backend
from hornbook.errors import CheckpointError, ConfigError
from hornbook.hub.safetensors import open_tensors, save_tensors
from hornbook.models import GPT2, GPT2Config
from hornbook.nn import Dropout, Module, Parameter
from hornbook.optim import AdamW

CONFIG = GPT2Config(vocab_size=23, n_positions=11, n_embd=14, n_layer=2, n_head=7, eos_token_id=0)
BATCH = PackedBatch.pack([[1, 2, 3, 5, 7, 11, 13], [17, 19, 4]])


def begin(seed: int) -> tuple[GPT2, AdamW]:
    model = GPT2(CONFIG, seed=seed)
    model.train()
    return model, AdamW(model.named_parameters(), lr=0.01, betas=(0.8, 0.95), eps=1e-7, weight_decay=0.3)


def train(model: GPT2, optimizer: AdamW, n_steps: int) -> list[float]:
    losses = []
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss = model.loss(BATCH)
        loss.backward()
        optimizer.step(max_norm=1.0)
        losses.append(loss.item())
    return losses


def save(folder: Path, model: GPT2, optimizer: AdamW) -> None:
    state = optimizer.state_dict()
    save_tensors(folder / "model.safetensors", model.state_dict())
    save_tensors(folder / "optimizer.safetensors", state["arrays"])
    numbers = {"optimizer": state["numbers"], "random": model.random_state()}
    (folder / "state.json").write_text(json.dumps(numbers), encoding="utf-8")


def load(folder: Path, model: GPT2, optimizer: AdamW) -> None:
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tensors = open_tensors(folder / "model.safetensors")
    model.load_state_dict({name: np.array(tensors[name]) for name in tensors})
    model.load_random_state(state["random"])
    arrays = open_tensors(folder / "optimizer.safetensors")
    optimizer.load_state_dict({"numbers": state["optimizer"], "arrays": arrays})


@pytest.mark.parametrize("backend", available_backends())
def test_training_goes_on_to_the_bit(backend: str, tmp_path: Path) -> None:
    with use_backend(backend):
        model, optimizer = begin(3)
        train(model, optimizer, 5)
        optimizer.lr = 0.02
        save(tmp_path, model, optimizer)
        expected = train(model, optimizer, 4)
        again, restored = begin(4)
        load(tmp_path, again, restored)
        assert train(again, restored, 4) == expected
        assert restored.steps == 9
        for name, array in model.state_dict().items():
            assert again.state_dict()[name].tobytes() == array.tobytes(), name
        for name, array in optimizer.state_dict()["arrays"].items():
            assert restored.state_dict()["arrays"][name].tobytes() == array.tobytes(), name


def test_loading_copies() -> None:
    model, optimizer = begin(3)
    _, other = begin(3)
    state = optimizer.state_dict()
    other.load_state_dict(state)
    train(model, optimizer, 1)
    assert state["arrays"]["means.wte.weight"].any()
    assert not other.state_dict()["arrays"]["means.wte.weight"].any()


def test_parameters_without_names_are_numbered() -> None:
    optimizer = AdamW([Parameter(np.ones(3, "f")), Parameter(np.ones((2, 5), "f"))])
    assert list(optimizer.state_dict()["arrays"]) == ["means.0", "means.1", "squares.0", "squares.1"]


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        ("arrays", "means.1", None, r"^AdamW: 1 arrays missing: means\.1; "),
        ("arrays", "means.2", np.zeros(2), r"^AdamW: 1 arrays unknown: means\.2; "),
        (
            "arrays",
            "means.1",
            np.zeros(5, "f"),
            r"^AdamW: means\.1 expects float32 of shape \(2, 5\), got .*",
        ),
        ("arrays", "squares.0", np.zeros(3), r"^AdamW: squares\.0 expects float32 .*, got float64 of"),
        ("numbers", "beta2", None, r"^AdamW: 1 numbers missing: beta2; "),
        ("numbers", "momentum", 0.9, r"^AdamW: 1 numbers unknown: momentum; "),
        ("numbers", "lr", -1, r"^lr: expected 0 or more, got -1$"),
        ("numbers", "steps", "5", r"^steps: expected 0 or more, got 5$"),
        ("numbers", "beta1", 1, r"^betas: expected"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(part: str, name: str, value: Any, message: str) -> None:
    optimizer, other = (
        AdamW([Parameter(np.ones(3, "f")), Parameter(np.ones((2, 5), "f"))]) for _ in range(2)
    )
    state: dict[str, Any] = {**other.state_dict()}
    state["numbers"]["lr"] = 0.5
    state[part] = {key: x for key, x in {**state[part], name: value}.items() if x is not None}
    with pytest.raises((CheckpointError, ConfigError), match=message) as caught:
        optimizer.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert optimizer.lr == 1e-3


class Pair(Module):
    def __init__(self, *, shared: bool) -> None:
        self.first = Dropout(0.5)
        self.second = Dropout(0.5, rng=self.first.rng if shared else None)


def test_shared_sources_of_randomness_have_one_name() -> None:
    assert list(Pair(shared=True).random_state()) == ["first.rng"]
    assert list(Pair(shared=False).random_state()) == ["first.rng", "second.rng"]
    with pytest.raises(ConfigError, match=r"^load_random_state: expected first\.rng, second\.rng, got first"):
        Pair(shared=False).load_random_state(Pair(shared=True).random_state())


@pytest.mark.parametrize("state", [{}, {"bit_generator": "MT19937"}, {"bit_generator": "PCG64", "state": 3}])
def test_what_is_no_state_of_a_source(state: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^generator: not a state of PCG64"):
        Pair(shared=True).load_random_state({"first.rng": state})
