"""Activations and softmax where naive forms fail; their usual values are in test_ops_goldens.py."""

from typing import Any, cast

import numpy as np
import pytest

from hornbook.backend import ACTIVATIONS, Ops
from hornbook.errors import ConfigError

OPS = Ops()


def test_an_unknown_activation_is_a_config_error() -> None:
    for use in (OPS.activation, lambda x, kind: OPS.activation_backward(x, x, kind=kind)):
        with pytest.raises(ConfigError, match=r"activation: expected one of none, relu, .*, got 'swish'"):
            use(np.ones(2), kind=cast("Any", "swish"))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_far_out_values_and_nan(kind: Any) -> None:
    x = np.array([1e4, -1e4, np.nan], "float32")
    y, slope = OPS.activation(x, kind=kind), OPS.activation_backward(np.ones_like(x), x, kind=kind)
    low = -1e4 if kind == "none" else 0
    np.testing.assert_array_equal(y, [1e4, low, np.nan])
    np.testing.assert_array_equal(slope[:2], [1, 1 if kind == "none" else 0])


def test_sigmoid_keeps_its_digits_on_both_sides() -> None:
    x = np.array([-80, -20, -1, 0, 1, 20, 80], "float32")
    expected = 1 / (1 + np.exp(-x.astype("float64")))
    np.testing.assert_allclose(OPS.sigmoid(x), expected, rtol=4 * float(np.finfo("float32").eps))
    np.testing.assert_array_equal(OPS.sigmoid(np.array([-1e4, 1e4, -np.inf, np.inf])), [0, 1, 0, 1])


def test_softmax_does_not_overflow() -> None:
    x = np.array([[1e4, 1e4, 0], [-1e4, -1e4, -np.inf], [3e38, -3e38, 0]], "float32")
    expected = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 0, 0]])
    with np.errstate(over="ignore"):  # 3e38 + 3e38, an exponent that is -inf and harmless
        np.testing.assert_array_equal(OPS.softmax(x), expected)
        result = OPS.log_softmax(x)
    np.testing.assert_allclose(result[:2, :2], np.log(0.5), rtol=1e-6)
    assert np.isneginf(result[1, 2])


def test_a_row_of_minus_infinity_is_nan_as_in_torch() -> None:
    x = np.array([[-np.inf, -np.inf], [0, -np.inf]])
    with np.errstate(invalid="ignore"):
        softmax, log_softmax = OPS.softmax(x), OPS.log_softmax(x)
    np.testing.assert_array_equal(softmax, [[np.nan, np.nan], [1, 0]])
    np.testing.assert_array_equal(log_softmax, [[np.nan, np.nan], [0, -np.inf]])


def test_an_empty_axis_gives_nothing() -> None:
    for function in (OPS.softmax, OPS.log_softmax):
        for shape in ((3, 0), (0, 3), (0,)):
            assert function(np.empty(shape, "float32")).shape == shape


def test_softmax_leaves_its_input_alone() -> None:
    x = np.arange(3.0)
    OPS.softmax(x)
    OPS.log_softmax(x)
    np.testing.assert_array_equal(x, [0, 1, 2])
