"""Nine measures on vectors worked out by hand, at the ends of the numbers, and as matrices."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hornbook.errors import ConfigError, ShapeError
from hornbook.similarity import METRICS, Metric, SimilarityCalculator, larger_is_closer, matrix

NAMES = list(METRICS)
A, B = [1.0, 2.0, 2.0], [2.0, 1.0, -2.0]

# A few roundings of a 64-bit float.
CLOSE = 8 * float(np.finfo(np.float64).eps)

BY_HAND: list[tuple[Metric, Any, Any, float]] = [
    ("cosine", A, B, 0.0),
    ("cosine", [3, 4], [4, 3], 24 / 25),
    ("cosine", [1, 2], [-1, -2], -1.0),
    ("cosine", [1, 2], [10, 20], 1.0),
    ("euclidean", [0, 0], [3, 4], 5.0),
    ("euclidean", A, B, 18**0.5),
    ("squared_euclidean", A, B, 18.0),
    ("manhattan", A, B, 6.0),
    ("chebyshev", A, B, 4.0),
    ("dot", A, [2, 1, 5], 14.0),
    ("pearson", [1, 2, 3], [1, 5, 3], 0.5),
    ("pearson", [1, 2, 3], [30, 20, 10], -1.0),
    ("spearman", [1, 2, 3], [1, 10, 100], 1.0),
    ("spearman", [1, 2, 3, 4], [1, 3, 2, 4], 0.8),
    ("spearman", [1, 2, 2, 3], [1, 2, 3, 4], 0.9 / 0.9**0.5),
    ("angular", [1, 0], [0, 7], 0.5),
    ("angular", [1, 0], [1, 1], 0.25),
    ("angular", [1, 0], [-3, 0], 1.0),
    ("angular", [1, 0], [2, 0], 0.0),
]


@pytest.mark.parametrize(("metric", "a", "b", "expected"), BY_HAND)
def test_by_hand(metric: Metric, a: Any, b: Any, expected: float) -> None:
    """The cosine of opposite vectors is -1."""
    measure = METRICS[metric]
    assert measure(a, b) == pytest.approx(expected, abs=CLOSE)
    assert measure(b, a) == pytest.approx(expected, abs=CLOSE)
    assert matrix(a, b, metric).item() == pytest.approx(expected, abs=CLOSE)
    assert SimilarityCalculator(metric).calculate_similarity(a, b) == pytest.approx(expected, abs=CLOSE)
    assert measure(a, b).dtype == np.float64


@pytest.mark.parametrize("metric", NAMES)
def test_rows_broadcast_and_matrices_are_all_pairs(metric: Metric) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((5, 7)).astype("f"), rng.integers(-2, 3, (5, 7))
    measure = METRICS[metric]
    pairs = np.array([[measure(row, column) for column in b] for row in a])
    np.testing.assert_allclose(measure(a, b), np.diag(pairs), atol=CLOSE)
    np.testing.assert_allclose(measure(a, b[0]), pairs[:, 0], atol=CLOSE)
    np.testing.assert_allclose(measure(a[0], b), pairs[0], atol=CLOSE)
    result = matrix(a, b[:3], metric)
    np.testing.assert_allclose(result, pairs[:, :3], atol=CLOSE)
    assert result.dtype == np.float64
    np.testing.assert_allclose(matrix(a, metric=metric), matrix(a, a, metric), atol=0)
    assert measure(a, b).shape == (5,)
    assert measure(a[0], b[0]).shape == ()


@pytest.mark.parametrize("metric", [name for name in NAMES if name not in {"dot", "squared_euclidean"}])
@pytest.mark.parametrize("scale", [1e200, 1e-200, 5e-324 / 2**-40])
def test_huge_and_tiny_vectors_whose_squares_no_float_can_hold(metric: Metric, scale: float) -> None:
    a, b = np.array([1.0, 3, 2, -2]), np.array([2.0, -1, 2, 4])
    grows = metric in {"euclidean", "manhattan", "chebyshev"}
    expected = METRICS[metric](a, b) * (scale if grows else 1)
    # Near the smallest float itself only some forty bits are left.
    assert METRICS[metric](a * scale, b * scale) == pytest.approx(expected, rel=1e-11, abs=0)
    assert matrix(a * scale, b * scale, metric).item() == pytest.approx(expected, rel=1e-11, abs=0)


def test_zero_vectors() -> None:
    zero, other = [0.0, 0, 0], A
    expected = {
        "cosine": 0,
        "pearson": 0,
        "spearman": 0,
        "dot": 0,
        "angular": 0.5,
        "euclidean": 3,
        "squared_euclidean": 9,
        "manhattan": 5,
        "chebyshev": 2,
    }
    for metric in NAMES:
        assert METRICS[metric](zero, other) == pytest.approx(expected[metric], abs=CLOSE)
        assert matrix(zero, other, metric).item() == pytest.approx(expected[metric], abs=CLOSE)
        assert METRICS[metric](zero, zero) == 0


@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e200, -7.7])
@pytest.mark.parametrize("n", [3, 7, 101])
def test_a_constant_vector_correlates_with_nothing(constant: float, n: int) -> None:
    """The mean of n equal floats is often not that float."""
    other = np.arange(n) ** 2.0
    for metric in ("pearson", "spearman"):
        assert METRICS[metric](np.full(n, constant), other) == 0
        assert matrix(np.full(n, constant), other, metric).item() == 0


@given(arrays(np.float64, 7, elements=st.floats(-1e100, 1e100)))
def test_a_distance_to_oneself_is_nothing(x: Any) -> None:
    for metric in NAMES:
        if not larger_is_closer(metric):
            assert METRICS[metric](x, x) == 0
            assert matrix(x, metric=metric).item() == 0


def test_small_angles_are_exact() -> None:
    """arccos of a cosine near 1 would lose half of the digits."""
    angle = 1e-9
    assert METRICS["angular"]([1, 0], [np.cos(angle), np.sin(angle)]) == pytest.approx(
        angle / np.pi, rel=1e-6
    )


@pytest.mark.parametrize("metric", ["cosine", "pearson", "spearman"])
def test_a_correlation_never_exceeds_one(metric: Metric) -> None:
    """The product of a unit vector with itself is often one rounding above 1."""
    rows = np.random.default_rng(0).standard_normal((101, 7))
    for other in (rows, -rows):
        assert np.abs(METRICS[metric](rows, other)).max() == 1
        assert np.abs(matrix(rows, other, metric)).max() == 1


@given(arrays(np.float64, (2, 5), elements=st.floats(-1e6, 1e6)))
def test_ranges(x: Any) -> None:
    a, b = x
    for metric in NAMES:
        value = METRICS[metric](a, b)
        low, high = (
            (-1, 1)
            if metric in {"cosine", "pearson", "spearman"}
            else (0, 1 if metric == "angular" else np.inf)
        )
        assert metric == "dot" or low <= value <= high


@pytest.mark.parametrize("metric", NAMES)
def test_what_is_not_a_number_is_not_hidden(metric: Metric) -> None:
    rows = np.array([[1.0, np.nan, 2], [1, 2, 3]])
    assert np.isnan(METRICS[metric](rows[0], rows[1]))
    result = matrix(rows, metric=metric)
    assert np.isnan(result[0]).all()
    assert np.isnan(result[:, 0]).all()
    assert np.isfinite(result[1, 1])


@pytest.mark.parametrize("metric", NAMES)
def test_no_rows_and_no_columns(metric: Metric) -> None:
    assert METRICS[metric](np.empty((0, 3)), np.empty((0, 3))).shape == (0,)
    assert METRICS[metric](np.empty((0, 3)), np.ones(3)).shape == (0,)
    assert METRICS[metric]([], []) == 0
    assert matrix(np.empty((0, 3)), metric=metric).shape == (0, 0)
    assert matrix(np.ones((2, 3)), np.empty((0, 3)), metric).shape == (2, 0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 2], [1, 2, 3]),
        (np.ones((2, 3)), np.ones((3, 3))),
        (1.0, 1.0),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2))),
        ([[1, 2], [3]], [[1, 2], [3, 4]]),
        (["a", "b"], ["a", "b"]),
        ([1j], [1j]),
        ([None, {}], [1, 2]),
    ],
)
@pytest.mark.parametrize("metric", NAMES)
def test_what_cannot_be_compared(metric: Metric, a: Any, b: Any) -> None:
    with pytest.raises(ShapeError, match=rf"^{metric}: "):
        METRICS[metric](a, b)


def test_matrices_of_what_cannot_be_compared() -> None:
    with pytest.raises(ShapeError, match=r"^matrix: vectors of equal length expected, got 2 and 3"):
        matrix([[1, 2]], [[1, 2, 3]])
    unknown: Any = "jaccard"
    with pytest.raises(ConfigError, match=r"^metric: expected one of cosine, .*, got 'jaccard'"):
        matrix([[1]], metric=unknown)
    with pytest.raises(ConfigError, match=r"^metric: expected one of cosine, .*, got 'jaccard'"):
        SimilarityCalculator(unknown)


ROWS = np.array([[1.0, 0], [0, 1], [1, 1], [-1, 0], [2, 0]])


def test_all_metrics() -> None:
    values = SimilarityCalculator().calculate_all_metrics(A, B)
    assert list(values) == NAMES
    for metric, value in values.items():
        assert type(value) is float
        assert value == METRICS[metric](A, B)


def test_similarity_matrix() -> None:
    for metric in NAMES:
        np.testing.assert_array_equal(
            SimilarityCalculator(metric).similarity_matrix(ROWS), matrix(ROWS, metric=metric)
        )


def test_find_most_similar_puts_the_first_of_equals_first() -> None:
    found = SimilarityCalculator().find_most_similar([1, 0], ROWS, top_k=4)
    assert [row for row, _ in found] == [0, 4, 2, 1]
    assert [value for _, value in found] == pytest.approx([1, 1, 0.5**0.5, 0])
    near = SimilarityCalculator("euclidean").find_most_similar([1, 0], ROWS, top_k=4)
    assert [row for row, _ in near] == [0, 2, 4, 1]
    assert near[0] == (0, 0.0)


def test_many_equals_are_found_in_their_order() -> None:
    """Sorts that are not stable keep the order of few equals, but not of many."""
    rows = np.tile([[1.0, 0], [0, 1]], (101, 1))
    for metric in NAMES:
        found = SimilarityCalculator(metric).find_most_similar([1, 0], rows, 101)
        assert [row for row, _ in found] == list(range(0, 202, 2)), metric


@pytest.mark.parametrize("metric", ["cosine", "angular"])
def test_the_direction_of_infinity_is_not_known(metric: Metric) -> None:
    assert np.isnan(METRICS[metric]([np.inf, 1, 2], A))
    assert np.isnan(matrix([np.inf, 1, 2], A, metric)).all()


@pytest.mark.parametrize("metric", NAMES)
def test_the_closest_is_found_by_every_measure(metric: Metric) -> None:
    rows = np.random.default_rng(3).standard_normal((11, 7))
    found = SimilarityCalculator(metric).find_most_similar(
        rows[5], rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "dot" else rows, 1
    )
    assert found[0][0] == 5


def test_how_many_are_found() -> None:
    find = SimilarityCalculator().find_most_similar
    assert find([1, 0], ROWS, 0) == []
    assert len(find([1, 0], ROWS, 10**9)) == 5
    assert len(find(np.ones(7), np.eye(7))) == 5
    assert find([1, 0], []) == find([1, 0], np.empty((0, 2))) == []
    with pytest.raises(ConfigError, match=r"^top_k: expected 0 or more, got -1"):
        find([1, 0], ROWS, -1)


def test_one_vector_where_one_is_expected() -> None:
    calculator = SimilarityCalculator()
    for call in (
        calculator.calculate_similarity,
        calculator.calculate_all_metrics,
        calculator.find_most_similar,
    ):
        with pytest.raises(ShapeError, match=r"expected one vector \[C\], got shape \(5, 2\)"):
            call(ROWS, ROWS[0])


def test_the_printed_matrix() -> None:
    text = SimilarityCalculator().format_matrix(ROWS[:3], ["cat", "a dog", ""])
    assert text.split("\n") == [
        "cat      1.0000   0.0000   0.7071",
        "a dog    0.0000   1.0000   0.7071",
        "         0.7071   0.7071   1.0000",
    ]
    assert SimilarityCalculator().format_matrix([], []) == ""
    with pytest.raises(ShapeError, match=r"^format_matrix: 1 labels for 3 rows"):
        SimilarityCalculator().format_matrix(ROWS[:3], ["cat"])
    with pytest.raises(ShapeError, match=r"^format_matrix: 0 labels for 3 rows"):
        SimilarityCalculator().format_matrix(ROWS[:3], [])
