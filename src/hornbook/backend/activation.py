"""Activations and softmax, each with its derivative beside it."""

from collections.abc import Callable

import numpy as np

from hornbook.backend.erf import erf
from hornbook.backend.types import Activation, Array
from hornbook.errors import ConfigError

__all__ = ["ActivationOps"]

SQRT_HALF = 0.5**0.5
SQRT_2_OVER_PI = (2 / np.pi) ** 0.5
INV_SQRT_2PI = (2 * np.pi) ** -0.5
QUICK_GELU_SCALE = 1.702
CUBIC = 0.044715  # Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016


def sigmoid(x: Array) -> Array:
    """Computes 1 / (1 + e^-x) from e^-|x|, which cannot overflow, and keeps its digits far below zero."""
    decay = np.exp(-np.abs(x))
    return np.where(x < 0, decay, 1) / (1 + decay)


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu_derivative(x: Array) -> Array:
    """1 where x > 0, else 0; at 0 it is 0, as in torch."""
    return (x > 0).astype(x.dtype)


def silu(x: Array) -> Array:
    """x * sigmoid(x)."""
    return x * sigmoid(x)


def silu_derivative(x: Array) -> Array:
    """d/dx of x * sigmoid(x)."""
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def gelu(x: Array) -> Array:
    """x * P(Z <= x) for a standard normal Z: 0.5 x (1 + erf(x / sqrt 2))."""
    return 0.5 * x * (1 + erf(x * SQRT_HALF))


def gelu_derivative(x: Array) -> Array:
    """P(Z <= x) + x * density(x)."""
    return 0.5 * (1 + erf(x * SQRT_HALF)) + x * INV_SQRT_2PI * np.exp(-0.5 * x * x)


def gelu_tanh(x: Array) -> Array:
    """GPT-2's approximation of gelu: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))."""
    return 0.5 * x * (1 + np.tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)))


def gelu_tanh_derivative(x: Array) -> Array:
    """d/dx of `gelu_tanh`."""
    t = np.tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x))
    inner = SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner


def quick_gelu(x: Array) -> Array:
    """x * sigmoid(1.702 x), the approximation of gelu that CLIP has."""
    return x * sigmoid(QUICK_GELU_SCALE * x)


def quick_gelu_derivative(x: Array) -> Array:
    """d/dx of `quick_gelu`."""
    return silu_derivative(QUICK_GELU_SCALE * x)


FUNCTIONS: dict[Activation, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "none": (lambda x: x, np.ones_like),
    "relu": (relu, relu_derivative),
    "silu": (silu, silu_derivative),
    "gelu": (gelu, gelu_derivative),
    "gelu_tanh": (gelu_tanh, gelu_tanh_derivative),
    "quick_gelu": (quick_gelu, quick_gelu_derivative),
}


class ActivationOps:
    """Non-linear functions, of single elements or along one axis."""

    def activation(self, x: Array, *, kind: Activation) -> Array:
        """Applies one of the `Activation` functions to every element.

        Raises:
            ConfigError: `kind` is none of them.
        """
        return _look_up(kind)[0](x)

    def activation_backward(self, grad: Array, x: Array, *, kind: Activation) -> Array:
        """The gradient with respect to x, given x before the activation."""
        return grad * _look_up(kind)[1](x)

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + e^-x)."""
        return sigmoid(x)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        """e^x_i / sum_j e^x_j along `axis`; NaN where all are -inf, as in torch."""
        exps = np.exp(_below_zero(x, axis))
        return exps / np.sum(exps, axis, keepdims=True)

    def softmax_backward(self, grad: Array, output: Array, *, axis: int = -1) -> Array:
        """The gradient with respect to x: y * (dy - sum(dy * y))."""
        return output * (grad - np.sum(grad * output, axis, keepdims=True))

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        """x_i - log sum_j e^x_j along `axis`; NaN where all are -inf, as in torch."""
        shifted = _below_zero(x, axis)
        total = np.sum(np.exp(shifted), axis, keepdims=True)
        return shifted - np.log(np.maximum(total, 1))  # only the total of an empty axis is less than 1

    def log_softmax_backward(self, grad: Array, output: Array, *, axis: int = -1) -> Array:
        """The gradient with respect to x: dy - softmax(x) * sum(dy)."""
        return grad - np.exp(output) * np.sum(grad, axis, keepdims=True)


def _look_up(kind: Activation) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    if kind not in FUNCTIONS:
        raise ConfigError(f"activation: expected one of {', '.join(FUNCTIONS)}, got {kind!r}")
    return FUNCTIONS[kind]


def _below_zero(x: Array, axis: int) -> Array:
    """x minus its maximum: softmax stays the same, and no exponential of it overflows."""
    x = x if x.dtype.kind == "f" else x.astype(np.float64)  # integers have no -inf to begin from
    return x - np.max(x, axis, keepdims=True, initial=-np.inf)
