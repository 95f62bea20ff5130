"""The error function, which NumPy does not have.

Rational Chebyshev approximations of W. J. Cody, "Rational Chebyshev approximation for the error
function", Mathematics of Computation 23 (1969): one around zero, one for the tails. The absolute
error in float64 stays below 1e-15.
"""

import numpy as np

from hornbook.backend.types import Array

__all__ = ["erf"]

SPLIT = 0.46875  # below it the first approximation holds, above it the second
SATURATED = 6.0  # 1 - erf(6) = 2e-17 is lost in float64

# fmt: off
CENTRE_TOP = (
    1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
    3.20937758913846947e3,
)
CENTRE_BOTTOM = (
    1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3,
)
TAIL_TOP = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
    1.23033935479799725e3,
)
TAIL_BOTTOM = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)
# fmt: on


def erf(x: Array) -> Array:
    """2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, element by element, in the type of x."""
    size = np.minimum(np.abs(x), x.dtype.type(SATURATED))
    square = size * size
    centre = size * _horner(CENTRE_TOP, square) / _horner(CENTRE_BOTTOM, square)
    tail = 1 - np.exp(-square) * _horner(TAIL_TOP, size) / _horner(TAIL_BOTTOM, size)
    return np.copysign(np.where(size < SPLIT, centre, tail), x)


def _horner(coefficients: tuple[float, ...], x: Array) -> Array:
    """The polynomial with these coefficients, the highest power first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result
