"""The matrix product and the layer norm: what they accept, and that they change no input.

Their values are in test_ops_goldens.py and tests/tensor/test_operations.py.
"""

import numpy as np
import pytest

from hornbook.backend import WEIGHT_TYPES, Ops, WeightType, available_backends, use_backend
from hornbook.errors import ShapeError

OPS = Ops()
X, WEIGHT, BIAS = np.arange(15.0).reshape(3, 5), np.arange(35.0).reshape(5, 7), np.arange(7.0)
RESIDUAL = np.arange(21.0).reshape(3, 7)


def test_linear_changes_no_input() -> None:
    before = [x.copy() for x in (X, WEIGHT, BIAS, RESIDUAL)]
    y = OPS.linear(X, WEIGHT, BIAS, RESIDUAL, activation="relu")
    for x, old in zip((X, WEIGHT, BIAS, RESIDUAL), before, strict=True):
        np.testing.assert_array_equal(x, old)
        assert not np.shares_memory(x, y)


def test_the_residual_is_added_after_the_activation() -> None:
    y = OPS.linear(-X, WEIGHT, None, -RESIDUAL, activation="relu")
    np.testing.assert_array_equal(y, -RESIDUAL)


def test_linear_takes_any_number_of_axes() -> None:
    whole = OPS.linear(X, WEIGHT, BIAS)
    np.testing.assert_array_equal(OPS.linear(X[1], WEIGHT, BIAS), whole[1])
    np.testing.assert_array_equal(OPS.linear(X[None], WEIGHT, BIAS), whole[None])
    assert OPS.linear(X[:0], WEIGHT, BIAS).shape == (0, 7)


def test_linear_names_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"weight expects 5 input features, got x of shape \(5, 3\); does"):
        OPS.linear(X.T, WEIGHT)
    with pytest.raises(ShapeError, match=r"got x of shape \(\)"):
        OPS.linear(np.array(1.0), WEIGHT)
    with pytest.raises(ShapeError, match=r"expected a bias of shape \(7,\), got \(1,\)"):
        OPS.linear(X, WEIGHT, BIAS[:1])
    with pytest.raises(ShapeError, match=r"expected a residual of shape \(3, 7\), got \(7,\)"):
        OPS.linear(X, WEIGHT, BIAS, RESIDUAL[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", available_backends())
def test_unembed_takes_any_number_of_axes_of_the_tables_width(backend: str, dtype: str) -> None:
    x, table = X.astype(dtype), WEIGHT.T.astype(dtype)  # [3, 5] and [7, 5]
    with use_backend(backend) as ops:
        for rows in (x, x[1], x[None], x[:0]):
            np.testing.assert_array_equal(ops.unembed(rows, table), rows @ table.T)


@pytest.mark.parametrize("shape", [(3, 7), (7,), ()])
def test_unembed_names_what_does_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"^unembed: the table has rows of 5 features, got x of shape \("):
        OPS.unembed(np.ones(shape), WEIGHT.T)


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_a_column_of_zeros_is_packed_as_zeros(backend: str, dtype: WeightType) -> None:
    """int8 divides by the largest value of a block of a column."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((3, 307)).astype("float32"), rng.random((307, 7)).astype("float32")
    weight[:, 2] = 0
    weight[:256, 5] = 0
    with use_backend(backend) as ops:
        y = ops.linear(x, ops.pack(weight, dtype))
    np.testing.assert_array_equal(y[:, 2], 0)
    # One weight is wrong by up to 1/254 of the largest in int8, and x by less.
    np.testing.assert_allclose(y, x @ weight, rtol=0, atol=np.abs(x).sum(axis=1).max() / 200)


def test_layer_norm_gives_mean_zero_and_variance_one() -> None:
    x = np.random.default_rng(0).standard_normal((3, 101)) * 7 + 1000
    y = OPS.layer_norm(x, np.ones(101), np.zeros(101), eps=0)
    # The mean of numbers near 1000 is right to 1000 eps, and so are the distances from it.
    np.testing.assert_allclose(y.mean(-1), 0, atol=1000 * 2.3e-16)
    np.testing.assert_allclose(y.var(-1), 1, atol=1000 * 2.3e-16)


def test_layer_norm_of_a_constant_row_is_the_bias() -> None:
    bias = np.arange(5, dtype="float32")
    y = OPS.layer_norm(np.full((2, 5), 3, "float32"), np.ones(5, "float32"), bias, eps=1e-5)
    np.testing.assert_array_equal(y, [bias, bias])


def test_layer_norm_changes_no_input() -> None:
    x, weight, bias = np.arange(15.0).reshape(3, 5), np.arange(5.0), np.arange(5.0)
    OPS.layer_norm(x, weight, bias, eps=1e-5)
    OPS.layer_norm_backward(x, x, weight, eps=1e-5)
    np.testing.assert_array_equal(x, np.arange(15.0).reshape(3, 5))
    np.testing.assert_array_equal(weight, bias)


@pytest.mark.parametrize(
    ("x", "weight", "bias"), [((3, 5), (7,), (7,)), ((3, 5), (5,), (1,)), ((3, 5), (1,), (5,)), ((), (), ())]
)
def test_layer_norm_names_what_does_not_fit(
    x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError, match=r"layer_norm: weight and bias, .*, do not fit rows of x of shape"):
        OPS.layer_norm(np.ones(x), np.ones(weight), np.ones(bias), eps=1e-5)
