import json
import math
import warnings
from typing import Any

import numpy as np
import pytest

from hornbook.errors import ConfigError
from hornbook.generation import GenerationConfig


def test_defaults_are_documented_values() -> None:
    config = GenerationConfig()
    assert (config.max_new_tokens, config.temperature, config.top_k, config.top_p) == (50, 0.8, 50, 1.0)
    assert (config.min_p, config.repetition_penalty, config.seed, config.eos_token_ids) == (0, 1, None, None)


BAD = {
    "temperature": [math.nan, math.inf, -1, -1e-45, "0.8", None, True, [1], 10**400],
    "top_p": [math.nan, 1.1, -0.1, math.inf, "1", True, None],
    "min_p": [math.nan, 1.1, -0.1, "1", False],
    "top_k": [-1, 0.5, "5", True, math.nan, math.inf, None],
    "max_new_tokens": [-1, 0.5, 7.0, "5", True, math.inf, None],
    "repetition_penalty": [0, -1, math.nan, math.inf, "1", None, True],
    "seed": [-1, 2**64, "1", 0.5, True, math.nan],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_values_out_of_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: expected ") as caught:
        GenerationConfig(**{name: value})
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [(-1,), (True,), ("0",), (0.0,), ([0],)])
def test_ids_that_end_a_text_are_integers(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^eos_token_id: expected an integer"):
        GenerationConfig(eos_token_ids=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", 5e-324),
        ("temperature", 1.7e308),
        ("top_k", 0),
        ("top_k", 10**9),
        ("top_p", 0),
        ("top_p", 1e-12),
        ("top_p", 1),
        ("min_p", 1),
        ("repetition_penalty", 5e-324),
        ("repetition_penalty", 1e308),
        ("seed", 0),
        ("seed", 2**63),
        ("seed", 2**64 - 1),
        ("max_new_tokens", 0),
        ("max_new_tokens", 10**30),
    ],
)
def test_the_ends_of_the_ranges(name: str, value: Any) -> None:
    assert getattr(GenerationConfig(**{name: value}), name) == value


def test_override_replaces_what_is_given() -> None:
    config = GenerationConfig(temperature=0.5, seed=3)
    assert config.override(temperature=None, top_k=7) == GenerationConfig(temperature=0.5, seed=3, top_k=7)
    with pytest.raises(ConfigError, match=r"^top_q: no such option; expected one of .*top_k, top_p"):
        config.override(top_q=1)
    with pytest.raises(ConfigError, match=r"^top_k: "):
        config.override(top_k=-1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {}),
        ({"do_sample": True, "temperature": 0.5, "top_k": 7}, {"temperature": 0.5, "top_k": 7}),
        ({"do_sample": False, "temperature": 0.5}, {"temperature": 0}),
        ({"do_sample": None, "temperature": None, "top_p": None}, {}),
        ({"eos_token_id": 5}, {"eos_token_ids": (5,)}),
        ({"eos_token_id": [5, 7]}, {"eos_token_ids": (5, 7)}),
        ({"eos_token_id": []}, {"eos_token_ids": ()}),
        ({"eos_token_id": None}, {}),
        (
            {"max_new_tokens": 3, "min_p": 0.1, "repetition_penalty": 1.2},
            {"max_new_tokens": 3, "min_p": 0.1, "repetition_penalty": 1.2},
        ),
        (
            {
                "transformers_version": "5.23.0",
                "pad_token_id": 0,
                "use_cache": True,
                "_from_model_config": True,
            },
            {},
        ),
        (
            {
                "max_length": 20,
                "num_beams": 1,
                "typical_p": 1.0,
                "no_repeat_ngram_size": 0,
                "bad_words_ids": None,
            },
            {},
        ),
        ({"seed": 5}, {}),
    ],
)
def test_a_file_is_honoured(values: dict[str, Any], expected: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert GenerationConfig.from_dict(values) == GenerationConfig(**expected)


TRANSFORMERS_DEFAULTS: dict[str, Any] = {
    "max_length": 20,
    "min_length": 0,
    "min_new_tokens": 0,
    "num_beams": 1,
    "num_return_sequences": 1,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "no_repeat_ngram_size": 0,
    "length_penalty": 1.0,
    "guidance_scale": 1.0,
    "top_h": None,
    "max_time": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "stop_strings": [],
    "bad_words_ids": [],
    "suppress_tokens": [],
    "begin_suppress_tokens": [],
}


@pytest.mark.parametrize("bias", [None, [], {}])
def test_what_transformers_writes_by_default_gives_no_warning(bias: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = {**TRANSFORMERS_DEFAULTS, "sequence_bias": bias}
        assert GenerationConfig.from_dict(values) == GenerationConfig()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_length", 100),
        ("num_beams", 5),
        ("typical_p", 0.9),
        ("no_repeat_ngram_size", 3),
        ("suppress_tokens", [1, 2]),
        ("forced_eos_token_id", 0),
        ("sequence_bias", [[[1], -10.0]]),
        ("stop_strings", ["."]),
        ("epsilon_cutoff", 3e-4),
        ("eta_cutoff", 1e-3),
        ("length_penalty", 2.0),
        ("min_new_tokens", 1),
        ("min_length", 1),
        ("num_return_sequences", 2),
        ("guidance_scale", 1.5),
        ("top_h", 0.4),
        ("max_time", 0.5),
        ("bad_words_ids", [[5]]),
        ("begin_suppress_tokens", [5]),
        ("forced_bos_token_id", 5),
    ],
)
def test_what_would_change_the_text_but_is_not_taken_gives_a_warning(key: str, value: Any) -> None:
    with pytest.warns(UserWarning, match=rf"^a/b\.json: {key}=.* has no effect here") as caught:
        assert GenerationConfig.from_dict({key: value}, source="a/b.json") == GenerationConfig()
    assert caught[0].filename == __file__  # the caller's line, not the library's


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -1}, r"^a/b\.json: temperature: expected a number"),
        ({"top_k": "7"}, r"^a/b\.json: top_k: expected an integer"),
        ({"eos_token_id": "x"}, r"^a/b\.json: eos_token_id: expected an integer"),
        ({"eos_token_id": [[0]]}, r"^a/b\.json: eos_token_id: expected an integer"),
        ({"do_sample": "false"}, r"^a/b\.json: do_sample: expected true or false"),
    ],
)
def test_bad_values_name_the_file(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GenerationConfig.from_dict(values, source="a/b.json")


def test_numbers_of_numpy_are_numbers() -> None:
    numbers: dict[str, Any] = {
        "max_new_tokens": np.int64(7),
        "temperature": np.float32(0.5),
        "top_p": np.float16(1),
        "eos_token_ids": (np.int32(3),),
    }
    config = GenerationConfig(**numbers)
    assert config == GenerationConfig(max_new_tokens=7, temperature=0.5, eos_token_ids=(3,))
    written = json.loads(json.dumps(config.to_dict()))
    assert written == {"max_new_tokens": 7, "temperature": 0.5, "do_sample": True, "eos_token_id": [3]}


def test_what_is_greedy_is_written_as_transformers_says_it() -> None:
    greedy = GenerationConfig.from_dict({"temperature": 0.7}).override(temperature=0, top_k=7)
    assert greedy.to_dict() == {"temperature": 0.7, "do_sample": False, "top_k": 7}
    assert GenerationConfig.from_dict(greedy.to_dict()) == greedy
    assert GenerationConfig(temperature=0).to_dict() == {"do_sample": False}
    assert GenerationConfig().to_dict() == {}
