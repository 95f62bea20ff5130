// exp, tanh, erf and the activations on vectors.
//
// The polynomials are minimax fits made with Lawson's algorithm in float64 (error of the fit below 1e-8, a sixth of a unit in
// the last place); what is left is the rounding of the few operations around them. Largest errors over a dense range, in units
// in the last place: exp 1.06, tanh 1.25, erf 1.23 (held by tests/backend/test_native_rows.py).
#pragma once

#include "kernels.h"
#include "simd.h"

namespace hornbook::HORNBOOK_VARIANT {

// 2^n for whole n in [-126, 127], by writing the exponent field.
HORNBOOK_INLINE Vec power_of_two(IntVec n) { return from_bits((n + 127) << 23); }

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2. Infinity above 88.72, 0 below -103.97, NaN for NaN.
HORNBOOK_INLINE Vec exp(Vec x) {
    // Clamped so that n stays in [-151, 129]: both ends still round to 0 and infinity, and two halves of n each fit an exponent.
    const Vec bounded = choose(x > splat(89.0f), splat(89.0f), choose(x < splat(-104.5f), splat(-104.5f), x));
    const Vec n = round_to_even(bounded * splat(1.44269504f));
    // ln 2 in two parts, the first with 9 bits, so that n times it is exact.
    Vec r = multiply_add(n, splat(-0.693359375f), bounded);
    r = multiply_add(n, splat(2.12194440e-4f), r);
    Vec p = splat(0.00139412144f);
    p = multiply_add(p, r, splat(0.00836323481f));
    p = multiply_add(p, r, splat(0.0416663736f));
    p = multiply_add(p, r, splat(0.166665763f));
    p = multiply_add(p, r, splat(0.5f));
    const Vec value = multiply_add(r * r, p, r) + splat(1.0f);
    const IntVec whole = to_int(n), half = whole >> 1;
    return value * power_of_two(half) * power_of_two(whole - half);
}

// tanh |x| = |x| + |x|^3 P(x^2) below 0.625 (where 1 - ... would cancel), else 1 - 2 / (e^2|x| + 1).
HORNBOOK_INLINE Vec tanh(Vec x) {
    const Vec size = magnitude(x), square = x * x;
    Vec p = splat(0.00229894021f);
    p = multiply_add(p, square, splat(-0.00835000724f));
    p = multiply_add(p, square, splat(0.0217709951f));
    p = multiply_add(p, square, splat(-0.0539595485f));
    p = multiply_add(p, square, splat(0.133333057f));
    p = multiply_add(p, square, splat(-0.333333343f));
    const Vec small = multiply_add(size * square, p, size);
    const Vec large = splat(1.0f) - splat(2.0f) / (exp(size + size) + splat(1.0f));
    return with_sign_of(choose(size < splat(0.625f), small, large), x);
}

// erf x = x + x P(x^2) below 0.9278, else sign(x) (1 - e^Q(|x|)), where Q fits log erfc; from 3.95 on erf is 1 in float32.
HORNBOOK_INLINE Vec erf(Vec x) {
    const Vec size = magnitude(x), square = x * x;
    Vec p = splat(8.35947067e-05f);
    p = multiply_add(p, square, splat(-0.000814081053f));
    p = multiply_add(p, square, splat(0.00520093134f));
    p = multiply_add(p, square, splat(-0.0268593896f));
    p = multiply_add(p, square, splat(0.112836964f));
    p = multiply_add(p, square, splat(-0.376126349f));
    p = multiply_add(p, square, splat(0.128379166f));
    const Vec small = multiply_add(x, p, x);
    const Vec bounded = choose(size > splat(3.95f), splat(3.95f), size);
    Vec q = splat(-2.10950530e-05f);
    q = multiply_add(q, bounded, splat(0.000434462651f));
    q = multiply_add(q, bounded, splat(-0.00417106319f));
    q = multiply_add(q, bounded, splat(0.0251194276f));
    q = multiply_add(q, bounded, splat(-0.108280092f));
    q = multiply_add(q, bounded, splat(-0.633346915f));
    q = multiply_add(q, bounded, splat(-1.12951493f));
    q = multiply_add(q, bounded, splat(0.000174684465f));
    const Vec large = splat(1.0f) - exp(q);
    return choose(size < splat(0.9278f), small, with_sign_of(large, x));
}

HORNBOOK_INLINE Vec sigmoid(Vec x) { return splat(1.0f) / (splat(1.0f) + exp(-x)); }

// gelu_tanh(x) = x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): one exp and no cancellation.
HORNBOOK_INLINE Vec twice_gelu_argument(Vec x) {
    return splat(1.59576912f) * multiply_add(splat(0.044715f) * x * x, x, x);
}

template <Activation kind>
HORNBOOK_INLINE Vec activate(Vec x) {
    if constexpr (kind == Activation::relu) return choose(x < splat(0.0f), splat(0.0f), x);
    if constexpr (kind == Activation::silu) return x / (splat(1.0f) + exp(-x));
    if constexpr (kind == Activation::gelu) return splat(0.5f) * x * (splat(1.0f) + erf(x * splat(0.707106781f)));
    if constexpr (kind == Activation::gelu_tanh) return x / (splat(1.0f) + exp(-twice_gelu_argument(x)));
    return x;
}

// d activate(x) / dx.
template <Activation kind>
HORNBOOK_INLINE Vec activate_slope(Vec x) {
    const Vec one = splat(1.0f);
    if constexpr (kind == Activation::relu) return choose(x > splat(0.0f), one, splat(0.0f));
    if constexpr (kind == Activation::silu) {
        const Vec s = sigmoid(x);
        return s * multiply_add(x, one - s, one);
    }
    if constexpr (kind == Activation::gelu) {
        // Phi(x) + x phi(x), phi(x) = e^(-x^2/2) / sqrt(2 pi)
        const Vec below = splat(0.5f) * (one + erf(x * splat(0.707106781f)));
        return multiply_add(x * splat(0.398942280f), exp(splat(-0.5f) * x * x), below);
    }
    if constexpr (kind == Activation::gelu_tanh) {
        const Vec s = sigmoid(twice_gelu_argument(x));
        const Vec slope = splat(1.59576912f) * multiply_add(splat(0.134145f) * x, x, one);
        return multiply_add(x * s * (one - s), slope, s);
    }
    return one;
}

template <Activation kind>
struct ActivationTag {
    static constexpr Activation value = kind;
};

// Calls body with a tag of the activation: the choice is made once, not for each element.
template <class Body>
HORNBOOK_INLINE void with_activation(Activation kind, const Body& body) {
    switch (kind) {
        case Activation::none: return body(ActivationTag<Activation::none>{});
        case Activation::relu: return body(ActivationTag<Activation::relu>{});
        case Activation::silu: return body(ActivationTag<Activation::silu>{});
        case Activation::gelu: return body(ActivationTag<Activation::gelu>{});
        case Activation::gelu_tanh: return body(ActivationTag<Activation::gelu_tanh>{});
    }
}

}  // namespace hornbook::HORNBOOK_VARIANT
