// Looking rows up, adding them back, pooling them by sequence, and picking the largest.
#include "parallel.h"
#include "rows.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

constexpr int64_t task_floats = 16384;

// Columns are independent sums, so a table is shared out by columns and each keeps the order of the rows. 64 columns are
// four cache lines of a row.
constexpr int64_t column_block = 64;

// to += from * scale
HORNBOOK_INLINE void add_scaled(float* to, const float* from, float scale, int64_t c) {
    map_row(to, c, [&](int64_t i, auto read) { return multiply_add(read(from + i), splat(scale), read(to + i)); });
}

// True if score a stands before score b in the ranking: larger, or a number where b is NaN; equal ones keep their order.
HORNBOOK_INLINE bool before(float a, float b) { return a > b || (a == a && b != b); }

// Inserts into the ranking of the best `size` so far, at most k.
void insert(float* values, int64_t* ids, int64_t size, int64_t k, float value, int64_t id) {
    int64_t at = size < k ? size : k - 1;
    for (; at > 0 && before(value, values[at - 1]); --at) {
        values[at] = values[at - 1];
        ids[at] = ids[at - 1];
    }
    values[at] = value;
    ids[at] = id;
}

// Whether any of the lanes beats the last of the ranking.
HORNBOOK_INLINE bool any_before(Vec scores, float last) {
    int32_t lane[lanes];
    const IntVec better = last == last ? scores > splat(last) : scores == scores;
    std::memcpy(lane, &better, sizeof lane);
    int32_t any = 0;
    for (int i = 0; i < lanes; ++i) any |= lane[i];
    return any != 0;
}

void top_k_row(float* values, int64_t* ids, const float* scores, int64_t v, int64_t k) {
    int64_t i = 0;
    for (; i < k; ++i) insert(values, ids, i, k, scores[i], i);
    while (i < v) {
        const int64_t count = min_of(lanes, v - i);
        if (count == lanes && !any_before(load(scores + i), values[k - 1])) {
            i += lanes;
            continue;
        }
        for (const int64_t end = i + count; i < end; ++i)
            if (before(scores[i], values[k - 1])) insert(values, ids, k, k, scores[i], i);
    }
}

}  // namespace

void embedding(float* out, const float* table, const int32_t* ids, int64_t n, int64_t c) {
    const int64_t step = max_of(1, task_floats / max_of(1, c));
    parallel_for(ceil_div(n, step), [&](int64_t task) {
        for (int64_t r = task * step; r < min_of(n, (task + 1) * step); ++r)
            std::memcpy(out + r * c, table + ids[r] * c, static_cast<size_t>(c) * sizeof(float));
    });
}

void embedding_backward(float* dtable, const float* dout, const int32_t* ids, int64_t v, int64_t n, int64_t c) {
    parallel_for(ceil_div(v * c, 1 << 20), [&](int64_t task) {
        const int64_t first = task << 20, count = min_of(1 << 20, v * c - first);
        std::memset(dtable + first, 0, static_cast<size_t>(count) * sizeof(float));
    });
    parallel_for(ceil_div(c, column_block), [&](int64_t block) {
        const int64_t first = block * column_block, count = min_of(column_block, c - first);
        for (int64_t r = 0; r < n; ++r) {
            float* to = dtable + ids[r] * c + first;
            map_row(to, count, [&](int64_t i, auto read) { return read(to + i) + read(dout + r * c + first + i); });
        }
    });
}

void segment_sum(float* out, const float* x, const float* weights, Sequences sequences, int64_t c) {
    parallel_for(sequences.count, [&](int64_t b) {
        float* to = out + b * c;
        std::memset(to, 0, static_cast<size_t>(c) * sizeof(float));
        for (int64_t r = sequences.offsets[b]; r < sequences.offsets[b + 1]; ++r)
            add_scaled(to, x + r * c, weights != nullptr ? weights[r] : 1.0f, c);
    });
}

void top_k(float* values, int64_t* ids, const float* scores, int64_t n, int64_t v, int64_t k) {
    if (k == 0) return;
    parallel_for(n, [&](int64_t r) { top_k_row(values + r * k, ids + r * k, scores + r * v, v, k); });
}

}  // namespace hornbook::HORNBOOK_VARIANT
