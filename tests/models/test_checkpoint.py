"""Tensors of a file against the configuration: what is dropped, converted, and refused by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.errors import ConfigError, ModelFormatError
from hornbook.models import GPT2, GPT2Checkpoint, GPT2Config

Tensors = dict[str, NDArray[Any]]


def config(**changes: Any) -> GPT2Config:
    sizes = {"vocab_size": 23, "n_positions": 11, "n_embd": 14, "n_layer": 3, "n_head": 7}
    return GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **changes})


@pytest.fixture
def tensors() -> Tensors:
    """A checkpoint with names as transformers writes them."""
    return GPT2Checkpoint().write(config(), GPT2(config(), seed=7).state_dict())


def wte(model: GPT2) -> NDArray[Any]:
    return model.wte.weight.numpy()


def test_names_with_and_without_transformer(tensors: Tensors) -> None:
    bare = {name.removeprefix("transformer."): array for name, array in tensors.items()}
    assert "wte.weight" in bare
    assert "transformer.wte.weight" in tensors
    one, other = GPT2.from_hub_weights(config(), tensors), GPT2.from_hub_weights(config(), bare)
    for (name, array), (same, equal) in zip(
        one.state_dict().items(), other.state_dict().items(), strict=True
    ):
        assert name == same
        assert array.tobytes() == equal.tobytes()


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_buffers_of_the_mask_are_dropped(tensors: Tensors, prefix: str) -> None:
    buffers = {
        f"{prefix}h.{i}.attn.{name}": np.ones((1, 1, 11, 11), bool)
        for i in range(3)
        for name in ("bias", "masked_bias")
    }
    model = GPT2.from_hub_weights(config(), tensors | buffers)
    assert not set(model.state_dict()) & {name.removeprefix(prefix) for name in buffers}


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64"])
def test_other_types_become_float32(tensors: Tensors, dtype: str) -> None:
    converted = {name: (array * 100).astype(dtype) for name, array in tensors.items()}
    model = GPT2.from_hub_weights(config(), converted)
    for name, array in model.state_dict().items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, converted[f"transformer.{name}"].astype(np.float32))


def test_a_head_that_repeats_the_token_table_is_dropped(tensors: Tensors) -> None:
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].copy()
    model = GPT2.from_hub_weights(config(), tensors)
    assert model.config.tie_word_embeddings
    assert "lm_head.weight" not in model.state_dict()


def test_a_head_alone_stands_for_both(tensors: Tensors) -> None:
    table = tensors.pop("transformer.wte.weight")
    model = GPT2.from_hub_weights(config(), tensors | {"lm_head.weight": table})
    assert model.config.tie_word_embeddings
    assert wte(model).tobytes() == table.tobytes()


def test_a_head_of_its_own_unties_the_model(tensors: Tensors) -> None:
    head = tensors["transformer.wte.weight"] + 1
    model = GPT2.from_hub_weights(config(), tensors | {"lm_head.weight": head})
    assert not model.config.tie_word_embeddings
    assert model.lm_head.weight.numpy().tobytes() == head.tobytes()
    assert wte(model).tobytes() != head.tobytes()


def test_an_untied_model_needs_its_head(tensors: Tensors) -> None:
    with pytest.raises(ModelFormatError, match=r"^missing tensors \(1\): lm_head\.weight;"):
        GPT2.from_hub_weights(config(tie_word_embeddings=False), tensors)


def test_missing_tensors_are_named(tensors: Tensors) -> None:
    del tensors["transformer.h.1.ln_2.bias"]
    with pytest.raises(ModelFormatError, match=r"^missing tensors \(1\): h\.1\.ln_2\.bias; "):
        GPT2.from_hub_weights(config(), tensors)


@pytest.mark.parametrize(("n", "expected"), [(5, False), (6, True)])
def test_dots_stand_for_what_is_not_named(tensors: Tensors, n: int, expected: bool) -> None:
    for name in sorted(tensors)[:n]:
        del tensors[name]
    with pytest.raises(ModelFormatError) as caught:
        GPT2.from_hub_weights(config(), tensors)
    assert (", ..." in str(caught.value)) is expected


def test_the_first_five_of_many_are_named(tensors: Tensors) -> None:
    with pytest.raises(ModelFormatError) as caught:
        GPT2.from_hub_weights(config(n_layer=4), tensors)
    first = "h.3.attn.c_attn.bias, h.3.attn.c_attn.weight, h.3.attn.c_proj.bias, h.3.attn.c_proj.weight"
    assert str(caught.value).startswith(f"missing tensors (12): {first}, h.3.ln_1.bias, ...; ")
    with pytest.raises(ModelFormatError) as caught:
        GPT2.from_hub_weights(config(n_layer=2), tensors)
    expected = first.replace("h.3", "h.2")
    assert str(caught.value).startswith(f"unknown tensors (12): {expected}, h.2.ln_1.bias, ...; ")


def test_none_is_read_before_all_names_are_right(tensors: Tensors) -> None:
    class Unread(dict[str, NDArray[Any]]):
        def __getitem__(self, name: str) -> NDArray[Any]:
            raise AssertionError(name)

    with pytest.raises(ModelFormatError, match="missing"):
        GPT2.from_hub_weights(config(n_layer=5), Unread(tensors))


def test_names_from_a_file_stay_on_one_line(tensors: Tensors) -> None:
    tensors["a\n\x1b[31m" + "x" * 10_000] = np.zeros(1)
    with pytest.warns(UserWarning, match=r"not part of the model \(1\): a\\n\\x1b\[31mxxx") as caught:
        GPT2.from_hub_weights(config(), tensors)
    assert "\n" not in str(caught[0].message)
    assert len(str(caught[0].message)) < 300


def test_tensors_beside_the_model_are_left_out_with_one_notice(tensors: Tensors) -> None:
    others = {"score.weight": np.ones((2, 14)), "v_head.summary.bias": np.ones(1), "steps": np.ones(())}
    with pytest.warns(UserWarning, match="not part of the model") as caught:
        model = GPT2.from_hub_weights(config(), tensors | others)
    expected = "tensors that are not part of the model (3): score.weight, steps, v_head.summary.bias"
    assert [str(warning.message) for warning in caught] == [expected]
    assert wte(model).tobytes() == tensors["transformer.wte.weight"].tobytes()


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module."])
def test_what_wrappers_put_before_names_is_taken_off(tensors: Tensors, prefix: str) -> None:
    model = GPT2.from_hub_weights(config(), {prefix + name: array for name, array in tensors.items()})
    assert wte(model).tobytes() == tensors["transformer.wte.weight"].tobytes()


def test_a_tensor_under_both_of_its_names_is_refused(tensors: Tensors) -> None:
    tensors["wte.weight"] = tensors["transformer.wte.weight"] + 1
    with pytest.raises(ModelFormatError, match=r"wte\.weight exists twice"):
        GPT2.from_hub_weights(config(), tensors)


def transposed(array: NDArray[Any]) -> NDArray[Any]:
    return array.T


def flat(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(-1)


def scalar(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(-1)[:1].reshape(())


@pytest.mark.parametrize("change", [transposed, flat, scalar])
@pytest.mark.parametrize("name", ["h.2.attn.c_attn.weight", "wpe.weight", "h.0.mlp.c_fc.weight"])
def test_other_shapes_are_named(
    tensors: Tensors, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    right = tensors[f"transformer.{name}"]
    wrong = tensors[f"transformer.{name}"] = np.asarray(change(right))
    with pytest.raises(ModelFormatError) as caught:
        GPT2.from_hub_weights(config(), tensors)
    expected = f"tensors of another shape (1): {name} expects {right.shape}, got {wrong.shape}"
    assert str(caught.value) == expected


def test_the_first_five_of_many_shapes_are_named(tensors: Tensors) -> None:
    with pytest.raises(ModelFormatError, match=r"^tensors of another shape \(40\): ") as caught:
        GPT2.from_hub_weights(config(n_embd=7), tensors)
    assert str(caught.value).count("expects") == 5
    assert "wpe.weight expects (11, 7), got (11, 14)" in str(caught.value)


@pytest.mark.parametrize("table", [np.zeros(()), np.zeros(322), np.zeros((1, 23, 14))])
def test_a_token_table_of_no_table_shape(tensors: Tensors, table: NDArray[Any]) -> None:
    tensors["transformer.wte.weight"] = table
    with pytest.raises(ModelFormatError, match=r"wte\.weight expects \(23, 14\), got"):
        GPT2.from_hub_weights(config(), tensors)


def test_another_vocabulary_names_the_key(tensors: Tensors) -> None:
    with pytest.raises(ConfigError, match=r"^vocab_size: config says 29, the token table has 23 rows"):
        GPT2.from_hub_weights(config(vocab_size=29), tensors)


def test_weights_are_taken_over_without_a_copy(tensors: Tensors) -> None:
    model = GPT2.from_hub_weights(config(), tensors)
    assert np.shares_memory(wte(model), tensors["transformer.wte.weight"])
