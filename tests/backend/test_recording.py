"""A step that is replayed gives what computing it anew gives, and what cannot be replayed is computed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import WEIGHT_TYPES, Ops, PackedBatch, WeightType, get_backend, use_backend
from hornbook.models import GPT2, GPT2Config
from hornbook.tensor import no_grad

pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8]
CONFIG = GPT2Config(vocab_size=11, n_positions=23, n_embd=6, n_layer=2, n_head=3)


def model_in(dtype: WeightType | None, *, tied: bool = True) -> GPT2:
    model = GPT2(replace(CONFIG, tie_word_embeddings=tied), seed=5)
    if dtype is not None:
        model.pack(dtype)
    return model


def steps(model: GPT2, *, repeatable: bool) -> NDArray[Any]:
    """The logits after each of IDS, two sequences side by side, one token a step."""
    cache = model.new_cache(2, len(IDS))
    batch = PackedBatch.step([0, 0], cache.lengths)

    def compute() -> Any:
        batch.positions[:] = cache.lengths
        return model.logits(model.encode(batch, cache)).numpy()

    run = get_backend().repeatable(compute) if repeatable else compute
    results = []
    with no_grad():
        for token_id in IDS:
            batch.ids[:] = [token_id, (token_id * 7) % 11]
            batch.positions[:] = cache.lengths
            results.append(run().copy())
    return np.stack(results)


@pytest.mark.parametrize("dtype", [None, *WEIGHT_TYPES])
def test_replayed_steps_have_the_bits_of_computed_ones(dtype: WeightType | None) -> None:
    with use_backend("native"):
        model = model_in(dtype)
        np.testing.assert_array_equal(steps(model, repeatable=True), steps(model, repeatable=False))


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", [None, *WEIGHT_TYPES])
def test_a_replay_calls_kernels_alone(
    monkeypatch: pytest.MonkeyPatch, dtype: WeightType | None, tied: bool
) -> None:
    with use_backend("native"):
        model = model_in(dtype, tied=tied)
        cache = model.new_cache(1, 5)
        batch = PackedBatch.step([3], cache.lengths)
        run = get_backend().repeatable(lambda: model.logits(model.encode(batch, cache)).numpy())
        with no_grad():
            run()
            monkeypatch.setattr(model, "encode", None)
            run()
        assert cache.lengths.tolist() == [2]


@pytest.mark.parametrize(
    "function",
    [
        lambda ops, x: ops.mul(ops.add(x, x), 2),
        lambda ops, x: ops.add(x, ops.asarray([1.0, 2.0], "float32")),
        lambda ops, x: ops.add(x, 3.0),
        lambda ops, x: ops.layer_norm(x.astype(np.float64), np.ones(2), np.zeros(2), eps=1e-5),
    ],
    ids=["no kernel", "a copy", "broadcast", "float64"],
)
def test_what_is_not_a_kernel_is_computed_each_time(function: Any) -> None:
    with use_backend("native") as ops:
        x = np.array([1, 2], np.float32)
        run = ops.repeatable(lambda: function(get_backend(), x))
        for values in ([1, 2], [5, 9], [-3, 4]):
            x[:] = values
            np.testing.assert_array_equal(run(), function(Ops(), x))


def test_ids_are_checked_again_in_a_replay() -> None:
    with use_backend("native") as ops:
        table, ids = np.ones((5, 3), np.float32), np.array([4], np.int32)
        run = ops.repeatable(lambda: get_backend().embedding(table, ids))
        run()
        ids[0] = 5
        with pytest.raises(ValueError, match=r"must lie in 0\.\.4, got 5"):
            run()


def test_the_reference_repeats_by_calling() -> None:
    x = np.array([1, 2], np.float32)
    run = Ops().repeatable(lambda: x.astype(np.float64) / 3)
    run()
    x[:] = 5
    np.testing.assert_array_equal(run(), [5 / 3, 5 / 3])
