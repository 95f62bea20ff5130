"""Speeds under a clock that only the model moves, and memory counted by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hornbook
from hornbook.backend import use_backend
from hornbook.errors import ContextLengthError
from hornbook.generation import measure
from hornbook.generation.decoding import Decoding
from hornbook.generation.measure import (
    SENTENCES,
    Speed,
    measure_decoding,
    measure_encoding,
    measure_prefill,
)

STEP_S = 0.5


class Clock:
    """Each pass through a model takes the same time; all else takes none."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rows: list[int] = []

    def perf_counter(self) -> float:
        return self.now

    def watch(self, n_rows: int) -> None:
        self.rows.append(n_rows)
        self.now += STEP_S


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, read = Clock(), Decoding.read

    def watched(self: Decoding, ids: Any) -> Any:
        clock.watch(len(ids))
        return read(self, ids)

    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    monkeypatch.setattr(Decoding, "read", watched)
    return clock


def model(n_positions: int = 17) -> hornbook.GPT2:
    config = hornbook.GPT2Config(
        vocab_size=11, n_positions=n_positions, n_embd=6, n_layer=2, n_head=3, bos_token_id=1, eos_token_id=0
    )
    return hornbook.GPT2(config, seed=0)


def test_speed() -> None:
    assert Speed(amount=512, seconds=0.25).per_second == 2048


def test_each_measurement_takes_a_second_unless_told(clock: Clock) -> None:
    """Two steps, after one to warm up."""
    for measured in (measure_prefill, measure_decoding):
        del clock.rows[:]
        measured(model())
        assert len(clock.rows) == 3
    del clock.rows[:]
    measure_encoding(lambda sentences: clock.watch(len(sentences)))
    assert clock.rows == [len(SENTENCES)] * 3


@pytest.mark.parametrize(("n_positions", "n_tokens"), [(17, 16), (2, 1), (512, 511), (523, 512), (1031, 512)])
def test_prefill_reads_a_prompt_at_once(clock: Clock, n_positions: int, n_tokens: int) -> None:
    assert measure_prefill(model(n_positions), budget_s=0) == Speed(n_tokens, STEP_S)
    assert clock.rows == [n_tokens] * 2


def test_prefill_fills_its_time(clock: Clock) -> None:
    assert measure_prefill(model(), budget_s=7 * STEP_S) == Speed(16, STEP_S)
    assert len(clock.rows) == 8


def test_decoding_has_one_token_in_a_step(clock: Clock) -> None:
    assert measure_decoding(model(), budget_s=3 * STEP_S) == Speed(1, STEP_S)
    assert clock.rows == [1] * 4


def test_decoding_begins_again_where_the_model_is_full(clock: Clock) -> None:
    assert measure_decoding(model(n_positions=5), budget_s=11 * STEP_S) == Speed(1, STEP_S)
    assert clock.rows == [1] * 12


def test_decoding_measures_at_least_one_step(clock: Clock) -> None:
    assert measure_decoding(model(n_positions=2), budget_s=0) == Speed(1, STEP_S)


def test_an_end_of_text_does_not_end_it(clock: Clock) -> None:
    ending = model()
    width = ending.config.n_embd
    ending.ln_f.load_state_dict({"weight": np.zeros(width, np.float32), "bias": np.ones(width, np.float32)})
    ending.wte.weight.data[1:], ending.wte.weight.data[0] = 0, 1  # the end is the likeliest token everywhere
    greedy = hornbook.GenerationConfig(temperature=0)
    assert hornbook.TextGenerator(ending).generate([1], greedy).new_ids == ()
    del clock.rows[:]
    assert measure_decoding(ending, budget_s=5 * STEP_S) == Speed(1, STEP_S)
    assert len(clock.rows) == 6


@pytest.mark.parametrize("measured", [measure_prefill, measure_decoding])
def test_a_model_of_one_token_cannot_be_measured(measured: Any) -> None:
    with pytest.raises(ContextLengthError, match="the model takes 1,"):
        measured(model(n_positions=1), budget_s=0)


def test_encoding_gets_all_sentences(clock: Clock) -> None:
    seen = []

    def encode(sentences: list[str]) -> None:
        seen.append(sentences)
        clock.now += len(seen)  # 1, 2, 3, ... seconds: the first does not count

    assert measure_encoding(encode, budget_s=8) == Speed(len(SENTENCES), 3)
    assert seen == [list(SENTENCES)] * 4
    assert len(SENTENCES) == 32  # one batch


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_numpy_holds_four_bytes_a_weight(dtype: str) -> None:
    with use_backend("numpy"):
        lm = hornbook.load("tiny-lm", dtype)
        assert lm.model.weights_bytes() == 4 * lm.config.num_parameters


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4.0), ("bfloat16", 2.0), ("int8", 1 + 4 / 256)])
def test_native_holds_what_the_type_says(dtype: str, size: float) -> None:
    if "native" not in hornbook.backend.available_backends():
        pytest.skip("needs the native kernels: they are not built")
    with use_backend("native"):
        lm = hornbook.load("tiny-lm", dtype)
        c, n_layer, vocab_size = lm.config.n_embd, lm.config.n_layer, lm.config.vocab_size
        packed = vocab_size * c + n_layer * 12 * c * c
        rest = lm.config.num_parameters - packed
        assert lm.model.weights_bytes() == packed * size + 4 * rest
