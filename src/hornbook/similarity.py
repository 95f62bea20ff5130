"""How alike two vectors are: nine measures, row by row or each against each.

Every measure takes vectors `[C]` or rows `[N, C]` and compares row with row; `matrix` compares every row
of one side with every row of the other. Cosine, dot, Pearson and Spearman grow with likeness; the
distances shrink, and are 0 for equal vectors. A vector that holds NaN gives NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hornbook.errors import ConfigError, ShapeError

__all__ = [
    "METRICS",
    "Metric",
    "SimilarityCalculator",
    "angular",
    "chebyshev",
    "cosine",
    "dot",
    "euclidean",
    "manhattan",
    "matrix",
    "pearson",
    "spearman",
    "squared_euclidean",
]

Vectors: TypeAlias = NDArray[Any]

Metric: TypeAlias = Literal[
    "cosine",
    "euclidean",
    "squared_euclidean",
    "manhattan",
    "dot",
    "pearson",
    "spearman",
    "chebyshev",
    "angular",
]


def cosine(a: ArrayLike, b: ArrayLike) -> Vectors:
    """a . b / (|a| |b|), from -1 (opposite) over 0 (unrelated) to 1 (same direction).

    The value is raw, not moved to 0..1. With a zero vector it is 0.

    Args:
        a: `[C]` or `[N, C]`.
        b: `[C]` or `[N, C]`; one vector is compared with all rows of the other side.

    Returns:
        A number, or `[N]`; float64.

    Raises:
        ShapeError: not vectors of numbers, or of different length, or different numbers of rows.
    """
    a, b = _pair("cosine", a, b)
    return np.clip(np.sum(_unit(a) * _unit(b), axis=-1), -1, 1)


def euclidean(a: ArrayLike, b: ArrayLike) -> Vectors:
    """sqrt(sum (a - b)^2). Arguments and result as for `cosine`."""
    a, b = _pair("euclidean", a, b)
    return _norm(a - b)[..., 0]


def squared_euclidean(a: ArrayLike, b: ArrayLike) -> Vectors:
    """sum (a - b)^2. Arguments and result as for `cosine`."""
    a, b = _pair("squared_euclidean", a, b)
    return np.sum((a - b) ** 2, axis=-1)


def manhattan(a: ArrayLike, b: ArrayLike) -> Vectors:
    """sum |a - b|. Arguments and result as for `cosine`."""
    a, b = _pair("manhattan", a, b)
    return np.sum(np.abs(a - b), axis=-1)


def chebyshev(a: ArrayLike, b: ArrayLike) -> Vectors:
    """max |a - b|. Arguments and result as for `cosine`."""
    a, b = _pair("chebyshev", a, b)
    return np.max(np.abs(a - b), axis=-1, initial=0)


def dot(a: ArrayLike, b: ArrayLike) -> Vectors:
    """sum a b; for unit vectors the cosine. Arguments and result as for `cosine`."""
    a, b = _pair("dot", a, b)
    return np.sum(a * b, axis=-1)


def pearson(a: ArrayLike, b: ArrayLike) -> Vectors:
    """The cosine of a - mean(a) and b - mean(b); 0 for a constant vector. Arguments as for `cosine`."""
    a, b = _pair("pearson", a, b)
    return cosine(_centre(a), _centre(b))


def spearman(a: ArrayLike, b: ArrayLike) -> Vectors:
    """Pearson's correlation of ranks; equal values share their mean rank. Arguments as for `cosine`."""
    a, b = _pair("spearman", a, b)
    return pearson(_ranks(a), _ranks(b))


def angular(a: ArrayLike, b: ArrayLike) -> Vectors:
    """arccos(cosine) / pi: the angle as a distance from 0 to 1. Arguments and result as for `cosine`."""
    a, b = _pair("angular", a, b)
    return _angle(_unit(a), _unit(b))


METRICS: dict[Metric, Callable[[ArrayLike, ArrayLike], Vectors]] = {
    "cosine": cosine,
    "euclidean": euclidean,
    "squared_euclidean": squared_euclidean,
    "manhattan": manhattan,
    "dot": dot,
    "pearson": pearson,
    "spearman": spearman,
    "chebyshev": chebyshev,
    "angular": angular,
}


def matrix(a: ArrayLike, b: ArrayLike | None = None, metric: Metric = "cosine") -> Vectors:
    """Each row of a against each row of b.

    Args:
        a: `[N, C]`; a vector `[C]` is one row.
        b: `[M, C]`; a itself if not given.
        metric: a key of METRICS.

    Returns:
        `[N, M]`, float64.

    Raises:
        ConfigError: an unknown metric.
        ShapeError: not rows of numbers, or of different length.
    """
    measure = _metric(metric)
    rows = np.atleast_2d(_vectors("matrix", a))
    columns = rows if b is None else np.atleast_2d(_vectors("matrix", b))
    if rows.shape[1] != columns.shape[1]:
        raise ShapeError(
            f"matrix: vectors of equal length expected, got {rows.shape[1]} and {columns.shape[1]}"
        )
    if metric == "dot":
        return rows @ columns.T
    if metric not in TO_UNIT:
        return _row_by_row(measure, rows, columns)
    rows, columns = TO_UNIT[metric](rows), TO_UNIT[metric](columns)
    return _row_by_row(_angle, rows, columns) if metric == "angular" else np.clip(rows @ columns.T, -1, 1)


@dataclass(frozen=True)
class SimilarityCalculator:
    """Compares embeddings by one measure, or by all.

    Attributes:
        metric: the measure of `calculate_similarity`, `similarity_matrix` and `find_most_similar`.
    """

    metric: Metric = "cosine"

    def __post_init__(self) -> None:
        _metric(self.metric)

    def calculate_similarity(self, a: ArrayLike, b: ArrayLike) -> float:
        """The measure of two vectors `[C]`."""
        return float(_metric(self.metric)(_vector("a", a), _vector("b", b)))

    def calculate_all_metrics(self, a: ArrayLike, b: ArrayLike) -> dict[Metric, float]:
        """Every measure of two vectors `[C]`, by name."""
        a, b = _vector("a", a), _vector("b", b)
        return {name: float(measure(a, b)) for name, measure in METRICS.items()}

    def similarity_matrix(self, vectors: ArrayLike) -> Vectors:
        """Each row against each: `[N, C] -> [N, N]`."""
        return matrix(vectors, metric=self.metric)

    def find_most_similar(
        self, query: ArrayLike, vectors: ArrayLike, top_k: int = 5
    ) -> list[tuple[int, float]]:
        """The rows most like a query.

        Args:
            query: `[C]`.
            vectors: `[N, C]`.
            top_k: how many are wanted; all if there are fewer.

        Returns:
            Row and value of each, the best first; among equals the first row.

        Raises:
            ConfigError: top_k is negative.
            ShapeError: the query is not one vector, or of another length than the rows.
        """
        if top_k < 0:
            raise ConfigError(f"top_k: expected 0 or more, got {top_k}")
        if not np.size(vectors):
            return []
        values = matrix(_vector("query", query), vectors, self.metric)[0]
        order = np.argsort(-values if larger_is_closer(self.metric) else values, kind="stable")
        return [(int(row), float(values[row])) for row in order[:top_k]]

    def format_matrix(self, vectors: ArrayLike, labels: list[str]) -> str:
        """The similarity matrix as text, one labelled row a line.

        Raises:
            ShapeError: not one label for each row.
        """
        values = self.similarity_matrix(vectors) if np.size(vectors) else np.empty((0, 0))
        if len(values) != len(labels):
            raise ShapeError(f"format_matrix: {len(labels)} labels for {len(values)} rows")
        width = max((len(label) for label in labels), default=0)
        lines = [
            f"{label:<{width}}  " + " ".join(f"{value:8.4f}" for value in row)
            for label, row in zip(labels, values, strict=True)
        ]
        return "\n".join(lines)


def larger_is_closer(metric: Metric) -> bool:
    """Whether a larger value of this measure means more alike; the distances are the others."""
    return metric in {"cosine", "dot", "pearson", "spearman"}


def _metric(name: str) -> Callable[[ArrayLike, ArrayLike], Vectors]:
    for known, measure in METRICS.items():
        if known == name:
            return measure
    raise ConfigError(f"metric: expected one of {', '.join(METRICS)}, got {name!r}")


def _vectors(name: str, values: ArrayLike) -> Vectors:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as problem:
        raise ShapeError(f"{name}: expected vectors of numbers: {problem}") from None
    if array.ndim not in {1, 2}:
        raise ShapeError(f"{name}: expected vectors [C] or rows [N, C], got shape {array.shape}")
    return array


def _vector(name: str, values: ArrayLike) -> Vectors:
    array = _vectors(name, values)
    if array.ndim != 1:
        raise ShapeError(f"{name}: expected one vector [C], got shape {array.shape}")
    return array


def _pair(name: str, a: ArrayLike, b: ArrayLike) -> tuple[Vectors, Vectors]:
    a, b = _vectors(name, a), _vectors(name, b)
    if a.shape[-1] != b.shape[-1] or (a.ndim == b.ndim == 2 and len(a) != len(b)):
        raise ShapeError(f"{name}: vectors of equal length expected, got shapes {a.shape} and {b.shape}")
    return a, b


def _unit(x: Vectors) -> Vectors:
    """Rows of length 1; a zero row stays zero."""
    scaled, _ = _scaled(x)
    return _quotient(scaled, _norm(scaled))


def _norm(x: Vectors) -> Vectors:
    """The lengths of rows, `[..., C] -> [..., 1]`."""
    scaled, largest = _scaled(x)
    return largest * np.sqrt(np.sum(scaled * scaled, axis=-1, keepdims=True))


def _scaled(x: Vectors) -> tuple[Vectors, Vectors]:
    """Rows whose largest element is 1, so that squares neither overflow nor vanish; and what it was."""
    largest = np.max(np.abs(x), axis=-1, keepdims=True, initial=0)
    return _quotient(x, largest), largest


def _quotient(x: Vectors, divisor: Vectors) -> Vectors:
    """x / divisor, but 0 where the divisor is; infinity by itself gives NaN."""
    with np.errstate(invalid="ignore"):
        return np.divide(x, divisor, out=np.zeros_like(x), where=divisor != 0)


def _angle(a: Vectors, b: Vectors) -> Vectors:
    """The angle of unit vectors over pi; unlike arccos, exact where it is small.

    Source: Kahan, "How Futile are Mindless Assessments of Roundoff", 2006, section 12.
    """
    return np.arctan2(_norm(a - b), _norm(a + b))[..., 0] * (2 / np.pi)


def _centre(x: Vectors) -> Vectors:
    """x - mean(x), by way of differences to the first element, which are exactly 0 where x is constant."""
    shifted = x - x[..., :1]
    return shifted - np.mean(shifted, axis=-1, keepdims=True) if x.shape[-1] else x


def _ranks(x: Vectors) -> Vectors:
    """Ranks from 1 along the last axis; equal values get the mean of their ranks."""
    return np.apply_along_axis(_ranks_of_one, -1, x) if x.size else x


def _ranks_of_one(x: Vectors) -> Vectors:
    if np.isnan(x).any():
        return np.full_like(x, np.nan)
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _row_by_row(measure: Callable[[Any, Any], Vectors], rows: Vectors, columns: Vectors) -> Vectors:
    """For measures that need the differences, `[M, C]` of which exist at a time."""
    result = np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows):
        result[i] = measure(columns, row)
    return result


TO_UNIT: dict[Metric, Callable[[Vectors], Vectors]] = {
    "cosine": _unit,
    "angular": _unit,
    "pearson": lambda x: _unit(_centre(x)),
    "spearman": lambda x: _unit(_centre(_ranks(x))),
}
"""What makes unit vectors of rows, for the measures that depend on direction alone."""
