"""Cross-entropy in blocks, against log_softmax of all logits at once."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import Ops, loss
from hornbook.errors import ShapeError

Array = NDArray[Any]

OPS = Ops()
N, C, V = 13, 5, 11
TARGETS = np.array([3, -1, 0, 10, 7, 7, -100, 2, 1, 0, 9, -1, 4], "int32")  # the last block counts
COUNTED = TARGETS >= 0


def inputs(dtype: str = "float64") -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, C)).astype(dtype), rng.standard_normal((V, C)).astype(dtype)


def tolerance(dtype: str) -> float:
    """Each logit is a sum of C products, each loss one of V exponentials; their numbers are below 10."""
    return (C + V) * 10 * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("block", [1, V, 2 * V, 3 * V + 1, 1000 * V])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_of_any_size_give_the_losses_of_log_softmax(
    block: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "BLOCK_LOGITS", block)
    x, table = inputs(dtype)
    losses = OPS.cross_entropy(x, table, TARGETS)
    expected = -OPS.log_softmax(x @ table.T)[np.arange(N), TARGETS.clip(0)] * COUNTED
    assert losses.dtype == dtype
    np.testing.assert_allclose(losses, expected, rtol=0, atol=tolerance(dtype))


@pytest.mark.parametrize("block", [1, 3 * V + 1])
def test_gradients_do_not_depend_on_the_block(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, table = inputs()
    grad = np.linspace(-1, 2, N)
    whole = OPS.cross_entropy_backward(grad, x, table, TARGETS)
    monkeypatch.setattr(loss, "BLOCK_LOGITS", block)
    for part, expected in zip(OPS.cross_entropy_backward(grad, x, table, TARGETS), whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=0, atol=N * tolerance("float64"))


def test_rows_with_a_negative_target_do_not_count() -> None:
    x, table = inputs()
    losses = OPS.cross_entropy(x, table, TARGETS)
    assert (losses[~COUNTED] == 0).all()
    assert (losses[COUNTED] > 0).all()
    dx, dtable = OPS.cross_entropy_backward(np.ones(N), x, table, TARGETS)
    assert (dx[~COUNTED] == 0).all()
    kept = OPS.cross_entropy_backward(np.ones(COUNTED.sum()), x[COUNTED], table, TARGETS[COUNTED])
    np.testing.assert_allclose(dx[COUNTED], kept[0], rtol=0, atol=tolerance("float64"))
    np.testing.assert_allclose(dtable, kept[1], rtol=0, atol=N * tolerance("float64"))


def test_large_logits_do_not_overflow() -> None:
    x, table = np.array([[1e4], [-1e4]], "float32"), np.array([[1], [0], [-1]], "float32")
    np.testing.assert_array_equal(OPS.cross_entropy(x, table, np.array([0, 0])), [0, 2e4])


def test_no_rows() -> None:
    x, table = inputs("float32")
    losses = OPS.cross_entropy(x[:0], table, TARGETS[:0])
    assert losses.shape == (0,)
    assert losses.dtype == np.float32
    dx, dtable = OPS.cross_entropy_backward(losses, x[:0], table, TARGETS[:0])
    assert dx.shape == (0, C)
    assert not dtable.any()


def test_what_does_not_fit_is_a_shape_error() -> None:
    x, table = inputs()
    with pytest.raises(ShapeError, match=r"targets must be integers below 11, got int32 up to 11"):
        OPS.cross_entropy(x, table, np.full(N, 11, "int32"))
    with pytest.raises(ShapeError, match=r"targets must be integers below 11, got float64"):
        OPS.cross_entropy(x, table, TARGETS.astype("float64"))
    for wrong in ((x[:, 1:], table, TARGETS), (x, table, TARGETS[1:]), (x[0], table, TARGETS[:1])):
        with pytest.raises(
            ShapeError, match=r"cross_entropy: expected x \[N, C\], table \[V, C\] and targets"
        ):
            OPS.cross_entropy(*wrong)
