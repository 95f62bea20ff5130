// Elementwise functions and softmax, forward and backward.
#include "parallel.h"
#include "rows.h"
#include "vector_math.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// One task: 16 K floats, some microseconds.
constexpr int64_t task_floats = 16384;

template <class Value>
HORNBOOK_INLINE void map_array(float* out, int64_t n, const Value& value) {
    parallel_for(ceil_div(n, task_floats), [&](int64_t task) {
        const int64_t first = task * task_floats;
        map_row(out + first, min_of(task_floats, n - first), [&](int64_t i, auto read) { return value(first + i, read); });
    });
}

template <class Body>
HORNBOOK_INLINE void for_each_row(int64_t n, int64_t c, const Body& body) {
    const int64_t step = max_of(1, task_floats / max_of(1, c));
    parallel_for(ceil_div(n, step), [&](int64_t task) {
        for (int64_t r = task * step; r < min_of(n, (task + 1) * step); ++r) body(r);
    });
}

}  // namespace

void add(float* out, const float* a, const float* b, int64_t n) {
    map_array(out, n, [&](int64_t i, auto read) { return read(a + i) + read(b + i); });
}

void activation(float* out, const float* x, Activation kind, int64_t n) {
    with_activation(kind, [&](auto tag) {
        map_array(out, n, [&](int64_t i, auto read) { return activate<tag.value>(read(x + i)); });
    });
}

void activation_backward(float* dx, const float* dout, const float* x, Activation kind, int64_t n) {
    with_activation(kind, [&](auto tag) {
        map_array(dx, n, [&](int64_t i, auto read) { return read(dout + i) * activate_slope<tag.value>(read(x + i)); });
    });
}

void exp_array(float* out, const float* x, int64_t n) {
    map_array(out, n, [&](int64_t i, auto read) { return exp(read(x + i)); });
}

void tanh_array(float* out, const float* x, int64_t n) {
    map_array(out, n, [&](int64_t i, auto read) { return tanh(read(x + i)); });
}

void erf_array(float* out, const float* x, int64_t n) {
    map_array(out, n, [&](int64_t i, auto read) { return erf(read(x + i)); });
}

// softmax = e^(x - max) / sum, its logarithm x - max - log sum
void softmax(float* out, const float* x, bool logarithm, int64_t n, int64_t c) {
    for_each_row(n, c, [&](int64_t r) {
        const float* row = x + r * c;
        float* to = out + r * c;
        const float largest = largest_of_row(row, c);
        const auto exponential = [&](int64_t i, auto read) { return exp(read(row + i) - splat(largest)); };
        if (logarithm) {
            const float shift = largest + __builtin_logf(sum_row(c, exponential));
            return map_row(to, c, [&](int64_t i, auto read) { return read(row + i) - splat(shift); });
        }
        map_row(to, c, exponential);
        const float inverse = 1.0f / sum_row(c, [&](int64_t i, auto read) { return read(to + i); });
        map_row(to, c, [&](int64_t i, auto read) { return read(to + i) * splat(inverse); });
    });
}

// softmax: dx = y (dout - sum(dout y)); its logarithm: dx = dout - e^y sum(dout)
void softmax_backward(float* dx, const float* dout, const float* y, bool logarithm, int64_t n, int64_t c) {
    for_each_row(n, c, [&](int64_t r) {
        const float *d = dout + r * c, *of = y + r * c;
        if (logarithm) {
            const float total = sum_row(c, [&](int64_t i, auto read) { return read(d + i); });
            return map_row(dx + r * c, c, [&](int64_t i, auto read) { return read(d + i) - exp(read(of + i)) * splat(total); });
        }
        const float dot = sum_row(c, [&](int64_t i, auto read) { return read(d + i) * read(of + i); });
        map_row(dx + r * c, c, [&](int64_t i, auto read) { return read(of + i) * (read(d + i) - splat(dot)); });
    });
}

}  // namespace hornbook::HORNBOOK_VARIANT
