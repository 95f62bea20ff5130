import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from hornbook.errors import ConfigError, HornbookError, ModelFormatError
from hornbook.loading import load_model
from hornbook.models import GPT2, GPT2Config, config_from_dict

SMALL: dict[str, Any] = {
    "model_type": "gpt2",
    "vocab_size": 23,
    "n_positions": 11,
    "n_embd": 14,
    "n_layer": 3,
    "n_head": 7,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
SIZES = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner")
FLAGS = ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "tie_word_embeddings")
PROBABILITIES = ("attn_pdrop", "embd_pdrop", "resid_pdrop")


@pytest.mark.parametrize(
    ("preset", "width", "layers", "heads", "parameters"),
    [
        ("gpt2_small", 768, 12, 12, 124_439_808),
        ("gpt2_medium", 1024, 24, 16, 354_823_168),
        ("gpt2_large", 1280, 36, 20, 774_030_080),
        ("gpt2_xl", 1600, 48, 25, 1_557_611_200),
    ],
)
def test_presets(preset: str, width: int, layers: int, heads: int, parameters: int) -> None:
    """The real sizes, not those of the blog posts."""
    config: GPT2Config = getattr(GPT2Config, preset)()
    assert (config.n_embd, config.n_layer, config.n_head) == (width, layers, heads)
    assert (config.n_positions, config.vocab_size, config.bos_token_id) == (1024, 50257, 50256)
    assert config.num_parameters == parameters


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False}, {"n_inner": 31}])
def test_parameters_are_counted_without_a_model(changes: dict[str, Any]) -> None:
    config = GPT2Config.from_dict(SMALL | changes)
    assert GPT2(config, seed=0).num_parameters() == config.num_parameters


@pytest.mark.parametrize("key", SIZES)
@pytest.mark.parametrize("value", [0, -1, 10**9, 10**300, True, 2.0, "7", [7], {}])
def test_sizes_that_cannot_be(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: expected "):
        config_from_dict(SMALL | {key: value})


@pytest.mark.parametrize("key", [*SIZES[:-1], *FLAGS, *PROBABILITIES, "layer_norm_epsilon"])
def test_null_is_no_value(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: expected .*, got None"):
        config_from_dict(SMALL | {key: None})


@pytest.mark.parametrize("key", [*PROBABILITIES, "layer_norm_epsilon", "initializer_range"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-9, 1e9, 10**400, True, "0.1", [0.1]])
def test_numbers_that_cannot_be(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: expected "):
        config_from_dict(SMALL | {key: value})


@pytest.mark.parametrize(
    ("key", "smallest", "largest"),
    [
        ("vocab_size", 1, 2**24),
        ("n_positions", 1, 2**24),
        ("n_embd", 1, 2**16),
        ("n_layer", 1, 2**12),
        ("n_head", 1, 2**12),
        ("n_inner", 1, 2**20),
        *((key, 0, 1) for key in (*PROBABILITIES, "layer_norm_epsilon")),
        ("initializer_range", 0, 100),
    ],
)
def test_the_ends_of_the_ranges(key: str, smallest: float, largest: float) -> None:
    divisible: dict[str, Any] = {"n_embd": 2**16, "n_head": 1, "bos_token_id": None, "eos_token_id": None}
    for value in (smallest, largest):
        assert getattr(GPT2Config(**divisible | {key: value}), key) == value
    for value in (smallest - 1, largest + 1):
        with pytest.raises(ConfigError, match=rf"^{key}: expected {smallest} to {largest}, got {value}"):
            GPT2Config(**divisible | {key: value})


def test_defaults_are_those_of_transformers() -> None:
    expected = {
        "vocab_size": 50257,
        "n_positions": 1024,
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_inner": None,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "tie_word_embeddings": True,
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "resid_pdrop": 0.1,
        "initializer_range": 0.02,
    }
    config = GPT2Config().to_dict()
    assert {key: config[key] for key in expected} == expected


@pytest.mark.parametrize("key", FLAGS)
@pytest.mark.parametrize("value", [0, 1, "true", 1.0])
def test_flags_that_cannot_be(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: expected bool"):
        config_from_dict(SMALL | {key: value})


@pytest.mark.parametrize("key", ["bos_token_id", "eos_token_id"])
@pytest.mark.parametrize("value", [True, 0.0, "0", [[0]], {}])
def test_special_ids_that_cannot_be(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: expected "):
        config_from_dict(SMALL | {key: value})


@pytest.mark.parametrize("key", ["bos_token_id", "eos_token_id"])
@pytest.mark.parametrize("value", [-1, 23, 50256])
def test_special_ids_outside_of_the_vocabulary(key: str, value: int) -> None:
    """An error in code; in files, which are often written for another vocabulary, they are no tokens."""
    special: dict[str, Any] = {key: value}
    with pytest.raises(ConfigError, match=rf"^{key}: expected 0 to 22, got {value}"):
        GPT2Config(vocab_size=23, **special)
    assert getattr(GPT2Config.from_dict(SMALL | special), key) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_head": 5}, r"^n_head: must divide n_embd 14, got 5"),
        (
            {"activation_function": "gelu_slow"},
            r"^activation_function: expected one of gelu_new, .*gelu_slow",
        ),
        ({"activation_function": 5}, r"^activation_function: expected str, got 5"),
        ({"model_type": "bert"}, r"^model_type: expected gpt2, got 'bert'"),
        ({"model_type": None}, r"^model_type: expected gpt2, got None"),
        ({"model_type": ["gpt2"]}, r"^model_type: expected gpt2"),
        ({"add_cross_attention": True}, r"^add_cross_attention: expected false"),
    ],
)
def test_values_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        config_from_dict(SMALL | changes)
    assert isinstance(caught.value, ValueError)


def test_long_values_are_cut_in_messages() -> None:
    for key in ("activation_function", "model_type", "n_embd"):
        with pytest.raises(ConfigError) as caught:
            config_from_dict(SMALL | {key: "x" * 10**6})
        assert len(str(caught.value)) < 200


def test_an_integer_is_a_number_and_unknown_keys_are_no_harm() -> None:
    config = GPT2Config.from_dict(
        SMALL | {"attn_pdrop": 0, "layer_norm_epsilon": 1, "summary_type": "cls_index"}
    )
    assert (config.attn_pdrop, config.layer_norm_epsilon) == (0, 1)
    assert config_from_dict(config.to_dict()) == config


def folder_with(tmp_path: Path, config: bytes) -> Path:
    (tmp_path / "config.json").write_bytes(config)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not valid JSON"),
        (b"\xef\xbb\xbf{}", r"byte order mark"),
        (b"\xff{}", r"not UTF-8 at byte 0"),
        (b"[]", r"expected a JSON object, got list"),
        (b"{}", r"model_type: expected gpt2, got None"),
        (b'{"model_type": "gpt2", "n_embd": 1, "n_embd": 2}', r"'n_embd' is given twice"),
        (b"[" * 100_000, r"nesting too deep"),
        (
            b'{"model_type": "gpt2", "layer_norm_epsilon": NaN}',
            r"layer_norm_epsilon: expected 0 to 1, got nan",
        ),
        (b'{"model_type": "gpt2", "n_layer": 1e9}', r"n_layer: expected int, got 1000000000.0"),
        (b'{"model_type": "gpt2", "n_layer": %s}' % (b"9" * 100_000), r"not valid JSON"),
        (b" " * 50_000_000, r"50000000 bytes, expected at most"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_damaged_config_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    folder = folder_with(tmp_path, content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_model(folder)
    assert str(folder / "config.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_allocated_because_a_config_claims_it(tmp_path: Path) -> None:
    """2^24 x 2^16 would be four tebibytes."""
    source = Path(__file__).resolve().parent.parent / "golden" / "gpt2" / "tied"
    values = json.loads((source / "config.json").read_bytes())
    values |= {"vocab_size": 1 << 24, "n_positions": 1 << 24, "n_embd": 1 << 16, "n_layer": 1 << 12}
    folder = folder_with(tmp_path, json.dumps(values).encode())
    (folder / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes())
    tracemalloc.start()
    try:
        with pytest.raises(HornbookError) as caught:
            load_model(folder)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(caught.value, ModelFormatError)
    assert str(folder) in str(caught.value)
    assert peak < 64 << 20
