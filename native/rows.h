// Walking along a row: sums, the largest element, and maps. What lies past the end of a row is never read.
//
// `read` is what an expression uses to load: whole vectors, and for the rest of a row its first lanes.
#pragma once

#include "tile.h"

namespace hornbook::HORNBOOK_VARIANT {

// The sum of term(vector index, reader) over a row. Four sums run side by side, for the latency of an addition; lanes past the end
// of the row read zeros.
template <class Term>
HORNBOOK_INLINE float sum_row(int64_t c, const Term& term) {
    Vec sum[4] = {splat(0.0f), splat(0.0f), splat(0.0f), splat(0.0f)};
    const auto whole = [](const float* p) { return load(p); };
    int64_t i = 0;
    for (; i + 4 * lanes <= c; i += 4 * lanes)
        for (int s = 0; s < 4; ++s) sum[s] = sum[s] + term(i + s * lanes, whole);
    for (int s = 0; i + lanes <= c; i += lanes, ++s) sum[s] = sum[s] + term(i, whole);
    float total = sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
    if (i < c) {
        float rest[lanes];
        store(rest, term(i, [count = c - i](const float* p) { return load_first(p, count); }));
        for (int64_t j = 0; j < c - i; ++j) total += rest[j];
    }
    return total;
}

// out[i] = value(i, reader) along a row.
template <class Value>
HORNBOOK_INLINE void map_row(float* out, int64_t c, const Value& value) {
    int64_t i = 0;
    for (; i + lanes <= c; i += lanes) store(out + i, value(i, [](const float* p) { return load(p); }));
    if (i < c) store_first(out + i, value(i, [count = c - i](const float* p) { return load_first(p, count); }), c - i);
}

// The largest element; NaN if there is one, minus infinity for an empty row.
HORNBOOK_INLINE float largest_of_row(const float* x, int64_t c) {
    const float lowest = -__builtin_inff();
    Vec largest = splat(lowest), poison = splat(0.0f);
    int64_t i = 0;
    for (; i + lanes <= c; i += lanes) {
        const Vec v = load(x + i);
        largest = larger(v, largest);
        poison = choose(v == v, poison, v);
    }
    float result = largest_lane(largest) + sum_of_lanes(poison);
    for (; i < c; ++i) result = x[i] > result || x[i] != x[i] ? x[i] : result;
    return result;
}

}  // namespace hornbook::HORNBOOK_VARIANT
