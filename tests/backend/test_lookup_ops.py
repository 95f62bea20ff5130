"""Embedding and segment sums."""

import numpy as np
import pytest

from hornbook.backend import Ops
from hornbook.errors import ShapeError

OPS = Ops()
TABLE = np.arange(35, dtype="float32").reshape(5, 7)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0)])
def test_embedding_takes_ids_of_any_shape(shape: tuple[int, ...]) -> None:
    ids = np.random.default_rng(0).integers(0, 5, shape)
    rows = OPS.embedding(TABLE, ids)
    assert rows.shape == (*shape, 7)
    assert not np.shares_memory(rows, TABLE)
    for index in np.ndindex(shape):
        np.testing.assert_array_equal(rows[index], TABLE[ids[index]])
    dtable = OPS.embedding_backward(np.ones_like(rows), ids, 5)
    np.testing.assert_array_equal(dtable[:, 0], [np.sum(ids == row) for row in range(5)])


@pytest.mark.parametrize(("ids", "worst"), [([0, 5], 5), ([0, -1], -1), ([9, -2, 7], -2)])
def test_an_id_outside_of_the_table_is_named(ids: list[int], worst: int) -> None:
    with pytest.raises(
        ShapeError, match=rf"ids must be in 0\.\.4, got {worst}; do tokenizer and model belong"
    ):
        OPS.embedding(TABLE, np.array(ids))


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_ids_are_integers(dtype: str) -> None:
    with pytest.raises(ShapeError, match=f"ids must be integers, got {dtype}"):
        OPS.embedding(TABLE, np.ones(5, dtype))


def test_embedding_backward_adds_in_the_order_of_the_ids() -> None:
    grad = np.array([[1e8], [1], [-1e8]], "float32")  # another order would give 1
    np.testing.assert_array_equal(OPS.embedding_backward(grad, np.array([1, 1, 1]), 3), [[0], [0], [0]])


def test_segments_are_summed_and_empty_ones_are_zero() -> None:
    x = np.arange(14, dtype="float32").reshape(7, 2)
    result = OPS.segment_sum(x, np.array([0, 0, 3, 3, 7, 7]))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[0, 0], x[:3].sum(0), [0, 0], x[3:].sum(0), [0, 0]])


def test_segment_weights_give_the_mean() -> None:
    x = np.arange(15.0).reshape(5, 3)
    result = OPS.segment_sum(x, np.array([0, 2, 5]), np.array([1 / 2] * 2 + [1 / 3] * 3))
    np.testing.assert_allclose(result, [x[:2].mean(0), x[2:].mean(0)], rtol=1e-15)


def test_a_segment_is_the_same_alone_and_in_company() -> None:
    x = np.random.default_rng(0).standard_normal((101, 7)).astype("float32")
    together = OPS.segment_sum(x, np.array([0, 13, 101]))
    np.testing.assert_array_equal(OPS.segment_sum(x[13:], np.array([0, 88])), together[1:])


def test_no_segments() -> None:
    assert OPS.segment_sum(np.empty((0, 7)), np.array([0])).shape == (0, 7)


@pytest.mark.parametrize("offsets", [[0, 4], [0, 6], [1, 5], [0, 3, 2, 5]])
def test_offsets_that_lose_rows_are_a_shape_error(offsets: list[int]) -> None:
    with pytest.raises(ShapeError, match="segment_sum: offsets must rise from 0 to the number of rows, 5"):
        OPS.segment_sum(np.ones((5, 2)), np.array(offsets))
