"""GPT-2 packed for use: the same names and numbers, and one line about what only a trainable one can do."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import pytest

from hornbook.backend import (
    WEIGHT_TYPES,
    Packed,
    PackedBatch,
    WeightType,
    available_backends,
    get_backend,
    use_backend,
)
from hornbook.errors import ConfigError
from hornbook.models import GPT2, GPT2Config
from hornbook.nn import PackedEmbedding, PackedLinear
from hornbook.tensor import no_grad, ones

BATCH = PackedBatch.pack([[1, 2, 3, 5, 7, 11, 13], [17, 19], [4]])
TRAINABLE = "load the model with trainable=True"


@pytest.fixture(params=available_backends())
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def config(request: pytest.FixtureRequest) -> GPT2Config:
    sizes: dict[str, Any] = {"vocab_size": 23, "n_positions": 11, "n_embd": 14, "n_layer": 3, "n_head": 7}
    return GPT2Config(**sizes, eos_token_id=0, bos_token_id=0, tie_word_embeddings=request.param)


def packed(config: GPT2Config, dtype: WeightType = "float32") -> GPT2:
    model = GPT2(config, seed=5)
    assert model.pack(dtype) is model
    return model


def rounded(array: Any, name: str, dtype: WeightType) -> Any:
    """What a weight becomes; a table is rounded as the weight `[C, V]` that it is in the last product."""
    ops = get_backend()
    if array.ndim == 1 or name == "wpe.weight":
        return array
    pack = ops.pack_table if name in {"wte.weight", "lm_head.weight"} else ops.pack
    return pack(array, dtype).unpack()


@pytest.mark.usefixtures("backend")
class TestWeights:
    def test_matrices_and_tables_are_packed_and_nothing_else(self, config: GPT2Config) -> None:
        model = packed(config)
        kinds = {name: isinstance(weight, Packed) for name, weight in model.named_weights()}
        assert {name for name, is_packed in kinds.items() if not is_packed} == {
            name for name in kinds if name == "wpe.weight" or "ln_" in name or name.endswith("bias")
        }
        assert isinstance(model.output, PackedEmbedding)
        assert isinstance(model.h[2].mlp.c_fc, PackedLinear)
        assert ("lm_head.weight" in kinds) != config.tie_word_embeddings

    def test_no_parameter_wants_a_gradient(self, config: GPT2Config) -> None:
        model = packed(config)
        assert model.parameters()
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert not model(BATCH.ids[:5]).requires_grad

    @pytest.mark.parametrize("dtype", WEIGHT_TYPES)
    def test_names_shapes_and_values_stay(self, config: GPT2Config, dtype: WeightType) -> None:
        before, after = GPT2(config, seed=5).state_dict(), packed(config, dtype).state_dict()
        assert list(before) == list(after)
        for name, array in before.items():
            np.testing.assert_array_equal(after[name], rounded(array, name, dtype), strict=True, err_msg=name)

    def test_the_number_of_parameters_stays(self, config: GPT2Config) -> None:
        expected = sum(prod(array.shape) for array in GPT2(config).state_dict().values())
        assert packed(config, "int8").num_parameters() == GPT2(config).num_parameters() == expected

    def test_weights_can_be_read_and_not_written(self, config: GPT2Config) -> None:
        model, before = packed(config), GPT2(config, seed=5)
        np.testing.assert_array_equal(model.wte.weight[3, 1:5].numpy(), before.wte.weight[3, 1:5].numpy())
        c_fc = model.h[1].mlp.c_fc.weight
        np.testing.assert_array_equal(c_fc.numpy(), before.h[1].mlp.c_fc.weight.numpy(), strict=True)
        with pytest.raises(ValueError, match="read-only"):
            c_fc.data[0, 0] = 1

    def test_values_of_a_state_are_copies(self, config: GPT2Config) -> None:
        model = packed(config)
        model.state_dict()["wte.weight"][:] = 0
        assert model.state_dict()["wte.weight"].any()

    def test_bytes_are_those_that_are_held(self, config: GPT2Config, backend: str) -> None:
        assert GPT2(config).weights_bytes() == 4 * GPT2(config).num_parameters()
        model = packed(config, "bfloat16")
        held = sum(weight.nbytes for _, weight in model.named_weights())
        assert model.weights_bytes() == held
        if backend == "numpy":
            assert held == 4 * model.num_parameters()


@pytest.mark.usefixtures("backend")
class TestPackingAgain:
    @pytest.mark.parametrize("dtype", WEIGHT_TYPES)
    def test_in_the_same_type_it_changes_nothing(self, config: GPT2Config, dtype: WeightType) -> None:
        model = packed(config, dtype)
        before = dict(model.named_weights())
        model.pack(dtype)
        assert all(weight is before[name] for name, weight in model.named_weights())

    @pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
    def test_from_float32_it_is_as_if_packed_once(self, config: GPT2Config, dtype: WeightType) -> None:
        twice, once = packed(config), packed(config, dtype)
        twice.pack(dtype)
        for name, array in once.state_dict().items():
            np.testing.assert_array_equal(twice.state_dict()[name], array, err_msg=name)
        with no_grad():
            assert twice(BATCH.ids).numpy().tobytes() == once(BATCH.ids).numpy().tobytes()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
    def test_what_is_rounded_stays_as_it_is(self, config: GPT2Config, dtype: WeightType) -> None:
        model = packed(config, "int8")
        before = dict(model.named_weights())
        with pytest.raises(ConfigError, match=f"rounded to int8 already; load .* with dtype='{dtype}'$"):
            model.pack(dtype)
        assert all(weight is before[name] for name, weight in model.named_weights())


@pytest.mark.usefixtures("backend")
class TestTraining:
    @pytest.mark.parametrize("recording", [True, False])
    def test_losses_are_those_of_the_plain_model(self, config: GPT2Config, recording: bool) -> None:
        model, plain = packed(config), GPT2(config, seed=5)
        with no_grad():
            losses, loss = plain.losses(BATCH).numpy(), plain.loss(BATCH).item()
        if recording:
            ours, mean = model.losses(BATCH), model.loss(BATCH)
        else:
            with no_grad():
                ours, mean = model.losses(BATCH), model.loss(BATCH)
        np.testing.assert_allclose(ours.numpy(), losses, rtol=1e-5, atol=1e-6)
        assert mean.item() == pytest.approx(loss, rel=1e-5)
        with pytest.raises(ConfigError, match="is a model loaded with trainable=True"):
            mean.backward()

    def test_gradients_do_not_pass_packed_weights(self, config: GPT2Config) -> None:
        model, x = packed(config), ones(2, 14, requires_grad=True)
        targets = get_backend().asarray([3, 5], "int32")
        for result in (
            model.h[0].mlp.c_fc(x),
            model.output.unembed(x),
            model.output.cross_entropy(x, targets),
            model.output.mean_cross_entropy(x, targets),
        ):
            with pytest.raises(ConfigError, match=f"^backward: packed weights give no .*; {TRAINABLE}$"):
                result.sum().backward()

    def test_what_trains_is_refused_in_one_line(self, config: GPT2Config) -> None:
        model = packed(config)
        with pytest.raises(ConfigError, match=f"^train: the weights are packed for use; {TRAINABLE}$"):
            model.train()
        assert not model.drop.training
        model.train(False)
        model.eval()
        with pytest.raises(ConfigError, match=f"^load_state_dict: the weights are packed .*; {TRAINABLE}$"):
            model.load_state_dict(GPT2(config).state_dict())


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
@pytest.mark.parametrize(("packs", "computes"), [("native", "numpy"), ("numpy", "native")])
def test_another_backend_computes_with_the_same_values(
    config: GPT2Config, dtype: WeightType, packs: str, computes: str
) -> None:
    pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")
    with use_backend(packs):
        model = packed(config, dtype)
    with use_backend(computes), no_grad():
        values = GPT2(config)
        values.load_state_dict(model.state_dict())
        assert model(BATCH.ids[:7]).numpy().tobytes() == values(BATCH.ids[:7]).numpy().tobytes()
        ours, expected = model.losses(BATCH).numpy(), values.losses(BATCH).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
