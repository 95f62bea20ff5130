"""Operations of arrays that NumPy has no single word for."""

import numpy as np
import pytest

from hornbook.backend import Ops
from hornbook.errors import ConfigError, ShapeError

OPS = Ops()
NAN, INF = np.nan, np.inf


class TestTopK:
    def test_largest_first_and_lower_ids_first_among_equals(self) -> None:
        values, ids = OPS.top_k(np.array([1, 5, 2, 5, 0, 5], "float32"), 4)
        np.testing.assert_array_equal(values, [5, 5, 5, 2])
        np.testing.assert_array_equal(ids, [1, 3, 5, 2])
        assert values.dtype == np.float32

    def test_it_is_a_stable_sort_of_every_row(self) -> None:
        scores = np.random.default_rng(0).integers(0, 11, (3, 5, 101)).astype("float32")
        values, ids = OPS.top_k(scores, 17)
        for index in np.ndindex(3, 5):
            expected = sorted((-score, i) for i, score in enumerate(scores[index].tolist()))[:17]
            assert ids[index].tolist() == [i for _, i in expected]
            assert values[index].tolist() == [-negative for negative, _ in expected]

    def test_nan_comes_last_even_behind_minus_infinity(self) -> None:
        values, ids = OPS.top_k(np.array([NAN, 1, INF, -INF, NAN]), 5)
        np.testing.assert_array_equal(values, [INF, 1, -INF, NAN, NAN])
        np.testing.assert_array_equal(ids, [2, 1, 3, 0, 4])

    def test_zeros_of_both_signs_are_equal(self) -> None:
        assert OPS.top_k(np.array([-0.0, 0.0]), 2)[1].tolist() == [0, 1]

    @pytest.mark.parametrize(("k", "expected"), [(0, 0), (2, 2), (3, 3), (5, 3)])
    def test_k_from_nothing_to_more_than_there_is(self, k: int, expected: int) -> None:
        values, ids = OPS.top_k(np.arange(6.0).reshape(2, 3), k)
        assert values.shape == ids.shape == (2, expected)

    def test_k_is_not_negative(self) -> None:
        with pytest.raises(ConfigError, match="k must not be negative, got -1"):
            OPS.top_k(np.arange(3.0), -1)


class TestUndoing:
    def test_sum_to_undoes_broadcasting(self) -> None:
        x = np.arange(2.0 * 3 * 5).reshape(2, 3, 5)
        for shape in ((2, 3, 5), (3, 5), (5,), (), (1, 3, 1), (2, 1, 5), (1, 1), (3, 1)):
            copies = np.broadcast_to(np.empty(shape), x.shape)
            result = OPS.sum_to(x, shape)
            assert result.shape == shape
            assert result.sum() == x.sum()
            assert OPS.sum_to(np.ones_like(copies), shape).max(initial=0) == x.size / max(1, result.size)

    def test_scatter_add_undoes_getitem(self) -> None:
        values = np.array([1.0, 2, 4])
        np.testing.assert_array_equal(OPS.scatter_add(values, np.array([3, 0, 3]), (5,)), [2, 0, 0, 5, 0])

    def test_copy_owns_its_memory_row_by_row(self) -> None:
        x = np.arange(6.0).reshape(2, 3)
        for source in (x, x.T, x[:, ::-1], np.broadcast_to(x[0], (2, 3))):
            copy = OPS.copy(source)
            np.testing.assert_array_equal(copy, source)
            assert copy.flags.c_contiguous
            assert copy.flags.writeable
            assert not np.shares_memory(copy, x)


class TestChance:
    def test_bernoulli_is_true_p_of_the_time(self) -> None:
        n, p = 10_007, 0.3
        drawn = OPS.bernoulli((n,), p, OPS.generator(0))
        assert drawn.dtype == bool
        assert abs(drawn.mean() - p) < 4 * np.sqrt(p * (1 - p) / n)  # four standard errors

    def test_certainty(self) -> None:
        assert OPS.bernoulli((7,), 1, OPS.generator(0)).all()
        assert not OPS.bernoulli((7,), 0, OPS.generator(0)).any()

    def test_normal_has_the_asked_spread(self) -> None:
        drawn = OPS.normal((101, 103), 0.02, OPS.generator(0))
        assert drawn.dtype == np.float32
        assert abs(drawn.std() / 0.02 - 1) < 4 / np.sqrt(2 * drawn.size)


def test_a_triangle_needs_two_axes() -> None:
    for function in (OPS.tril, OPS.triu):
        with pytest.raises(ShapeError, match=r"expected at least two axes, got shape \(3,\)"):
            function(np.ones(3))


def test_empty_and_full() -> None:
    assert OPS.empty((2, 3), "float64").dtype == np.float64
    np.testing.assert_array_equal(OPS.full((2,), 7), np.array([7, 7], "float32"), strict=True)
