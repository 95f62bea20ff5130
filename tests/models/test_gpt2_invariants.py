"""What holds for GPT-2 whatever its weights: order of time, independence of sequences, the cache, limits."""

from typing import Any

import numpy as np
import pytest

from hornbook.backend import PackedBatch
from hornbook.errors import ContextLengthError, ShapeError
from hornbook.models import GPT2, GPT2Config
from hornbook.tensor import Tensor, no_grad

# Fifty roundings, taken as independent, of numbers up to 30: the states of these models reach that.
ROUNDING = 30 * np.sqrt(50) * np.finfo(np.float32).eps


def test_no_position_sees_a_later_one(case: Any) -> None:
    """Bit for bit, in every layer."""
    ids = max(case.sequences, key=len)
    for t in range(len(ids)):
        changed = ids.copy()
        changed[t] = (changed[t] + 1) % case.config.vocab_size
        with no_grad():
            before = list(case.model.hidden_states(PackedBatch.pack([ids])))
            after = list(case.model.hidden_states(PackedBatch.pack([changed])))
        for one, other in zip(before, after, strict=True):
            assert one.numpy()[:t].tobytes() == other.numpy()[:t].tobytes()
            assert (one.numpy()[t] != other.numpy()[t]).any()


def test_each_sequence_of_a_batch_is_as_if_alone(case: Any) -> None:
    with no_grad():
        together = case.model.encode(case.batch).numpy()
        alone = [case.model.encode(PackedBatch.pack([ids])).numpy() for ids in case.sequences]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_cache_changes_nothing(case: Any, step: int) -> None:
    ids = max(case.sequences, key=len)
    cache = case.model.new_cache(1, len(ids))
    with no_grad():
        whole = case.model.encode(PackedBatch.pack([ids])).numpy()
        parts = [
            case.model.encode(PackedBatch.pack([ids[i : i + step]], cache.lengths), cache).numpy()
            for i in range(0, len(ids), step)
        ]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=ROUNDING)
    assert cache.lengths.tolist() == [len(ids)]


def test_a_cache_of_several_sequences_at_different_positions(tied: Any) -> None:
    first, second = tied.sequences[0], tied.sequences[1]
    cache = tied.model.new_cache(2, tied.config.n_positions)
    rows = [(first[:2], second[:11]), (first[2:3], second[11:13]), (first[3:], second[13:])]
    with no_grad():
        outputs = [tied.model.encode(PackedBatch.pack(pair, cache.lengths), cache).numpy() for pair in rows]
        whole = tied.model.encode(PackedBatch.pack([first, second])).numpy()
    ours = [out[: len(pair[0])] for out, pair in zip(outputs, rows, strict=True)]
    ours += [out[len(pair[0]) :] for out, pair in zip(outputs, rows, strict=True)]
    np.testing.assert_allclose(np.concatenate(ours), whole, rtol=0, atol=ROUNDING)


def test_positions_end_at_n_positions(tied: Any) -> None:
    n = tied.config.n_positions
    with no_grad():
        assert tied.model([0] * n).shape == (n, tied.config.vocab_size)
        with pytest.raises(ContextLengthError, match=f"{n + 1} tokens.* takes {n}"):
            tied.model([0] * (n + 1))
        with pytest.raises(ContextLengthError, match=f"{n + 3} tokens"):
            tied.model.encode(PackedBatch.pack([[0, 0, 0]], np.array([n])))


def test_a_full_cache_refuses_and_stays_as_it_was(tied: Any) -> None:
    cache = tied.model.new_cache(1, 3)
    with no_grad():
        tied.model.encode(PackedBatch.pack([[1, 2]]), cache)
        with pytest.raises(ContextLengthError, match=r"room for 3 positions, 4 are needed"):
            tied.model.encode(PackedBatch.pack([[3, 4]], cache.lengths), cache)
    assert cache.lengths.tolist() == [2]


@pytest.mark.parametrize("ids", [[-1], [67], [[1, 67]], [0.5], "12", [[[1]]], [[1], [1, 2]], [2**40], [None]])
def test_ids_that_the_model_cannot_take(tied: Any, ids: Any) -> None:
    with no_grad(), pytest.raises(ShapeError, match=r"ids"):
        tied.model(ids)


def small(**changes: Any) -> GPT2Config:
    sizes = {"vocab_size": 23, "n_positions": 11, "n_embd": 14, "n_layer": 3, "n_head": 7}
    return GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **changes})


def test_first_weights_are_those_of_gpt2_and_follow_the_seed() -> None:
    config = small(vocab_size=1009, n_embd=70, initializer_range=0.05)
    model, same, other = GPT2(config, seed=3), GPT2(config, seed=3), GPT2(config, seed=4)
    assert model.wte.weight.data.tobytes() == same.wte.weight.data.tobytes()
    assert model.wte.weight.data.tobytes() != other.wte.weight.data.tobytes()
    n = model.wte.weight.size
    assert abs(model.wte.weight.data.std() - 0.05) < 4 * 0.05 / np.sqrt(2 * n)
    residual = model.h[1].mlp.c_proj.weight.data
    expected = 0.05 / np.sqrt(2 * config.n_layer)
    assert abs(residual.std() - expected) < 4 * expected / np.sqrt(2 * residual.size)


def test_parts_have_the_names_of_the_checkpoint() -> None:
    names = {name for name, _ in GPT2(small(n_layer=1), seed=0).named_parameters()}
    linears = {"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}
    layers = {f"h.0.{name}" for name in linears | {"ln_1", "ln_2"}} | {"ln_f"}
    both = {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
    assert names == both | {"wte.weight", "wpe.weight"}


def test_residuals_are_pre_norm() -> None:
    """x + attn(ln_1(x)), then x + mlp(ln_2(x)), recomputed with the layers one by one."""
    model = GPT2(small(), seed=5)
    block, offsets = model.h[1], np.array([0, 5], np.int32)
    with no_grad():
        x = list(model.hidden_states(PackedBatch.pack([[1, 2, 3, 5, 7]])))[1]
        after_attention = x + block.attn(block.ln_1(x), offsets)
        expected = after_attention + block.mlp(block.ln_2(after_attention))
        ours = block(x, offsets).numpy()
    np.testing.assert_allclose(ours, expected.numpy(), rtol=0, atol=ROUNDING)


def test_dropout_acts_in_training_alone() -> None:
    ids = [1, 2, 3, 5, 7]
    model, twin = GPT2(small(), seed=5), GPT2(small(), seed=5)
    still = model(ids).numpy()
    assert model(ids).numpy().tobytes() == still.tobytes()
    model.train()
    twin.train()
    moving = model(ids).numpy()
    assert np.isfinite(moving).all()
    assert (moving != still).any()
    assert moving.tobytes() == twin(ids).numpy().tobytes()
    assert moving.tobytes() != model(ids).numpy().tobytes()
    model.eval()
    assert model(ids).numpy().tobytes() == still.tobytes()


@pytest.mark.parametrize("rate", ["embd_pdrop", "attn_pdrop", "resid_pdrop"])
def test_each_dropout_acts_where_it_is_named(rate: str) -> None:
    """Of the embedding it zeroes elements, elsewhere it changes what the first block makes of them."""
    rates = {"embd_pdrop": 0.0, "attn_pdrop": 0.0, "resid_pdrop": 0.0, rate: 0.5}
    model, batch = GPT2(small(**rates), seed=5), PackedBatch.pack([[1, 2, 3, 5, 7]])
    still = [x.numpy() for x in model.hidden_states(batch)]
    model.train()
    moving = [x.numpy() for x in model.hidden_states(batch)]
    changed = moving[0] != still[0]
    assert changed.any() == (rate == "embd_pdrop")
    assert (moving[1] != still[1]).any()
    if rate == "resid_pdrop":
        for branch in (model.h[0].attn, model.h[0].mlp):
            zeroed = branch(Tensor(still[0])).numpy() == 0
            assert 0.2 < zeroed.mean() < 0.8
    if rate == "embd_pdrop":
        zeroed = moving[0] == 0
        assert 0.2 < zeroed.mean() < 0.8
        np.testing.assert_allclose(moving[0][~zeroed], 2 * still[0][~zeroed], rtol=1e-6)


def test_training_takes_empty_sequences() -> None:
    model = GPT2(small(), seed=5)
    model.train()
    losses = model.losses(PackedBatch.pack([[1, 2, 3], [], [5]]))
    losses.sum().backward()
    assert losses.shape == (4,)


def test_first_weights_have_the_configured_spread() -> None:
    """GPT-2's: initializer_range everywhere, divided by sqrt(2 n_layer) where a branch joins the stream."""
    config = GPT2Config(
        vocab_size=499,
        n_positions=97,
        n_embd=60,
        n_layer=2,
        n_head=3,
        initializer_range=0.5,
        tie_word_embeddings=False,
    )
    for name, weight in GPT2(config, seed=0).state_dict().items():
        if weight.ndim == 2:
            expected = 0.25 if name.endswith("c_proj.weight") else 0.5
            assert weight.std() == pytest.approx(expected, rel=0.05), name
        else:
            assert np.all(weight == ("ln_" in name and name.endswith("weight"))), name


def in_training(**dropout: float) -> GPT2:
    settings: dict[str, Any] = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0} | dropout
    settings |= {"vocab_size": 23, "n_positions": 11, "n_embd": 14, "n_layer": 2, "n_head": 7}
    model = GPT2(GPT2Config(**settings), seed=5)
    model.train()
    return model


def test_without_the_branches_of_its_blocks_a_model_is_its_embedding() -> None:
    """Dropout with p = 1 removes every branch."""
    model, batch = in_training(resid_pdrop=1.0), PackedBatch.pack([[3, 1, 4, 1, 5]])
    embedded = model.wte.weight.data[batch.ids] + model.wpe.weight.data[batch.positions]
    expected = model.ln_f(Tensor(embedded)).numpy()
    np.testing.assert_allclose(model.encode(batch).numpy(), expected, rtol=0, atol=ROUNDING)
    model.eval()
    assert np.abs(model.encode(batch).numpy() - expected).max() > 100 * ROUNDING


def test_without_attention_weights_no_token_sees_another() -> None:
    model, ids = in_training(attn_pdrop=1.0), [3, 1, 4, 1, 5]
    first, second = (model.encode(PackedBatch.pack([[start, *ids]])).numpy()[1:] for start in (0, 22))
    np.testing.assert_array_equal(first, second)
    model.eval()
    first, second = (model.encode(PackedBatch.pack([[start, *ids]])).numpy()[1:] for start in (0, 22))
    assert (first != second).any()
