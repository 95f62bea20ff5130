"""What is done to logits, against transformers' processors, and how tokens are drawn from them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.generation import GenerationConfig
from hornbook.generation.generate import draw
from hornbook.generation.logits import apply_min_p, apply_repetition_penalty, process_logits, softmax

SAMPLING = np.load(Path(__file__).resolve().parent.parent / "golden" / "sampling.npz")
SCORES: NDArray[np.float32] = SAMPLING["scores"]
TIED_ROWS = {2, 3}
NEUTRAL: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("temperature_0.7", {"temperature": 0.7}),
        ("top_k_1", {"top_k": 1}),
        ("top_k_3", {"top_k": 3}),
        ("top_k_50", {"top_k": 50}),
        ("top_p_0.0", {"top_p": 0.0}),
        ("top_p_0.5", {"top_p": 0.5}),
        ("top_p_0.9", {"top_p": 0.9}),
        ("min_p_0.2", {"min_p": 0.2}),
        (
            "temperature_0.7_top_k_5_top_p_0.8_min_p_0.1",
            {"temperature": 0.7, "top_k": 5, "top_p": 0.8, "min_p": 0.1},
        ),
    ],
)
def test_the_same_tokens_stay_with_the_same_probabilities(name: str, options: dict[str, Any]) -> None:
    config = GenerationConfig(**{**NEUTRAL, **options})
    for row, (scores, theirs) in enumerate(zip(SCORES, SAMPLING[name], strict=True)):
        ours = process_logits(scores, config, [])
        assert ours.dtype == np.float64
        if row in TIED_ROWS and config.top_p < 1:  # which of the tied ones stay, transformers leaves open
            np.testing.assert_allclose(np.sort(softmax(ours)), np.sort(probabilities(theirs)), atol=1e-6)
        else:
            np.testing.assert_array_equal(np.isneginf(ours), np.isneginf(theirs))
            np.testing.assert_allclose(softmax(ours), probabilities(theirs), atol=1e-6)


def probabilities(scores: NDArray[Any]) -> NDArray[np.float64]:
    return softmax(scores.astype(np.float64))


def test_among_tied_tokens_the_lower_ids_stay() -> None:
    kept = process_logits(SCORES[2], GenerationConfig(**{**NEUTRAL, "top_p": 0.5}), [])
    assert np.flatnonzero(np.isfinite(kept)).tolist() == [1, 3, 8]
    flat = process_logits(SCORES[3], GenerationConfig(**{**NEUTRAL, "top_p": 0.3}), [])
    assert np.flatnonzero(np.isfinite(flat)).tolist() == [0, 1, 2, 3]


def test_the_token_that_crosses_p_stays() -> None:
    logits = np.log([0.5, 0.3, 0.2])
    for p, expected in ((0.49, [0]), (0.51, [0, 1]), (0.79, [0, 1]), (0.81, [0, 1, 2])):
        kept = process_logits(logits, GenerationConfig(**{**NEUTRAL, "top_p": p}), [])
        assert np.flatnonzero(np.isfinite(kept)).tolist() == expected


def kept_of(logits: Any, **options: Any) -> list[int]:
    processed = process_logits(np.asarray(logits, np.float64), GenerationConfig(**NEUTRAL | options), [])
    return np.flatnonzero(np.isfinite(processed)).tolist()


def test_values_exactly_at_a_limit() -> None:
    assert kept_of(np.zeros(4), top_p=0.5) == [0, 1]  # two of four reach p
    assert kept_of([0, np.log(0.5), -1], min_p=0.5) == [0, 1]
    assert kept_of([3, 1, 3], min_p=1) == [0, 2]


def test_neutral_settings_keep_tokens_whose_probability_rounds_to_nothing() -> None:
    logits = [0, -50, -800.0]
    assert kept_of(logits) == [0, 1, 2]
    assert np.isfinite(apply_min_p(np.array(logits), 0)).all()


def test_repetition_penalty_by_hand() -> None:
    logits = np.array([2.0, -2.0, 3.0, 0.0, -1.0, 0.5])
    penalised = apply_repetition_penalty(logits, 2.0, [1, 0, 1, 0, 3, 5])
    assert penalised.tolist() == [1, -4, 3, 0, -1, 0.25]
    assert logits.tolist() == [2, -2, 3, 0, -1, 0.5]
    assert apply_repetition_penalty(logits, 2.0, []).tolist() == logits.tolist()


@pytest.mark.parametrize(("logit", "penalty"), [(1e300, 1e-300), (-1e300, 1e300)])
def test_a_penalty_that_no_float_can_hold_gives_the_largest_float(logit: float, penalty: float) -> None:
    """Two infinities would make the softmax NaN."""
    penalised = apply_repetition_penalty(np.array([logit, 1.0]), penalty, [0])
    assert penalised.tolist() == [math.copysign(np.finfo(np.float64).max, logit), 1]


def test_the_penalty_comes_before_everything_else_and_counts_in_greedy_choice() -> None:
    config = GenerationConfig(temperature=0, repetition_penalty=2.0)
    assert process_logits(np.array([2.0, 1.5]), config, [0]).tolist() == [1, 1.5]


def test_what_was_given_is_not_changed() -> None:
    before = SCORES.copy()
    config = GenerationConfig(temperature=0.3, top_k=2, top_p=0.3, min_p=0.3, repetition_penalty=3)
    process_logits(SCORES[0], config, [1])
    np.testing.assert_array_equal(SCORES, before)


def test_draws_follow_the_probabilities() -> None:
    """Pearson's statistic has mean 4 and variance 8 here; 4 + 5 sqrt 8 is past once in ten thousand seeds."""
    expected = np.array([0.5, 0.25, 0.15, 0.07, 0.03])
    logits, rng, n = np.log(expected), np.random.default_rng(11), 20_000
    counts = np.bincount([draw(logits, rng, greedy=False) for _ in range(n)], minlength=5)
    assert ((counts - n * expected) ** 2 / (n * expected)).sum() < 4 + 5 * np.sqrt(8)


def test_what_was_taken_out_is_never_drawn() -> None:
    logits = np.array([-np.inf, 0.0, -np.inf, 0.0, -np.inf])
    rng = np.random.default_rng(3)
    assert {draw(logits, rng, greedy=False) for _ in range(200)} == {1, 3}


@pytest.mark.parametrize("number", [0.0, np.nextafter(1, 0)])
def test_the_ends_of_chance_stay_in_the_vocabulary(number: float) -> None:
    class Fixed(np.random.Generator):
        def random(self, *_: Any, **__: Any) -> Any:
            return number

    logits = np.array([-np.inf, 0.1, 0.2, 0.3, -np.inf])
    assert draw(logits, Fixed(np.random.PCG64()), greedy=False) == (1 if number == 0 else 3)


def test_greedy_takes_the_first_of_the_likeliest() -> None:
    rng = np.random.default_rng(3)
    before = rng.bit_generator.state
    assert draw(np.array([1.0, 3.0, 3.0]), rng, greedy=True) == 1
    assert rng.bit_generator.state == before
