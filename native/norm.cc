// Layer normalisation and sums over rows.
#include "memory.h"
#include "parallel.h"
#include "rows.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// Enough floats for a task to be worth handing out (some microseconds).
constexpr int64_t task_floats = 8192;

int64_t rows_per_task(int64_t c) { return max_of(1, task_floats / max_of(1, c)); }

struct Moments {
    float mean, inverse_deviation;
};

// Two passes: the mean, then the mean square of what is left, which does not cancel.
Moments moments_of(const float* x, float epsilon, int64_t c) {
    const float size = static_cast<float>(c);
    const float mean = sum_row(c, [&](int64_t i, auto read) { return read(x + i); }) / size;
    const Vec centre = splat(mean);
    const float squares = sum_row(c, [&](int64_t i, auto read) {
        const Vec d = read(x + i) - centre;
        return d * d;
    });
    return {mean, 1.0f / __builtin_sqrtf(squares / size + epsilon)};
}

// dx = (g - mean(g) - n mean(g n)) / deviation, g = dout * weight, n = the normalised x
void backward_row(float* dx, const float* dout, const float* x, const float* weight, Moments of, int64_t c) {
    const Vec mean = splat(of.mean), inverse = splat(of.inverse_deviation);
    const auto normalised = [&](int64_t i, auto read) { return (read(x + i) - mean) * inverse; };
    const float size = static_cast<float>(c);
    const float mean_g = sum_row(c, [&](int64_t i, auto read) { return read(dout + i) * read(weight + i); }) / size;
    const float mean_gn = sum_row(c, [&](int64_t i, auto read) {
        return read(dout + i) * read(weight + i) * normalised(i, read);
    }) / size;
    map_row(dx, c, [&](int64_t i, auto read) {
        const Vec g = read(dout + i) * read(weight + i);
        return (g - splat(mean_g) - normalised(i, read) * splat(mean_gn)) * inverse;
    });
}

// Sums over rows are made in blocks of this many rows, whatever the threads, and the blocks then added in order.
constexpr int64_t sum_block = 64;

// out[C] = the sum of partial[blocks, C] over the blocks, row `stride` floats after row.
void add_blocks(float* out, const float* partial, int64_t blocks, int64_t stride, int64_t c) {
    std::memset(out, 0, static_cast<size_t>(c) * sizeof(float));
    for (int64_t b = 0; b < blocks; ++b)
        map_row(out, c, [&](int64_t i, auto read) { return read(out + i) + read(partial + b * stride + i); });
}

}  // namespace

void layer_norm(float* out, const float* x, const float* weight, const float* bias, float epsilon, int64_t n, int64_t c) {
    const int64_t step = rows_per_task(c);
    parallel_for(ceil_div(n, step), [&](int64_t task) {
        for (int64_t r = task * step; r < min_of(n, (task + 1) * step); ++r) {
            const float* row = x + r * c;
            const Moments of = moments_of(row, epsilon, c);
            map_row(out + r * c, c, [&](int64_t i, auto read) {
                const Vec normalised = (read(row + i) - splat(of.mean)) * splat(of.inverse_deviation);
                return multiply_add(normalised, read(weight + i), read(bias + i));
            });
        }
    });
}

void layer_norm_backward(float* dx, float* dweight, float* dbias, const float* dout, const float* x, const float* weight,
                         float epsilon, int64_t n, int64_t c) {
    const int64_t blocks = ceil_div(n, sum_block);
    const Scratch partial(blocks * 2 * c * 4);  // [blocks, 2, C]: dweight, dbias
    parallel_for(blocks, [&](int64_t block) {
        float *dw = partial.get<float>() + block * 2 * c, *db = dw + c;
        std::memset(dw, 0, static_cast<size_t>(2 * c) * sizeof(float));
        for (int64_t r = block * sum_block; r < min_of(n, (block + 1) * sum_block); ++r) {
            const float *d = dout + r * c, *row = x + r * c;
            const Moments of = moments_of(row, epsilon, c);
            map_row(dw, c, [&](int64_t i, auto read) {
                const Vec normalised = (read(row + i) - splat(of.mean)) * splat(of.inverse_deviation);
                return multiply_add(read(d + i), normalised, read(dw + i));
            });
            map_row(db, c, [&](int64_t i, auto read) { return read(db + i) + read(d + i); });
            backward_row(dx + r * c, d, row, weight, of, c);
        }
    });
    add_blocks(dweight, partial.get<float>(), blocks, 2 * c, c);
    add_blocks(dbias, partial.get<float>() + c, blocks, 2 * c, c);
}

void sum_rows(float* out, const float* x, int64_t n, int64_t c) {
    const int64_t blocks = ceil_div(n, sum_block);
    const Scratch partial(blocks * c * 4);
    parallel_for(blocks, [&](int64_t block) {
        float* sums = partial.get<float>() + block * c;
        std::memset(sums, 0, static_cast<size_t>(c) * sizeof(float));
        for (int64_t r = block * sum_block; r < min_of(n, (block + 1) * sum_block); ++r)
            map_row(sums, c, [&](int64_t i, auto read) { return read(sums + i) + read(x + r * c + i); });
    });
    add_blocks(out, partial.get<float>(), blocks, c, c);
}

}  // namespace hornbook::HORNBOOK_VARIANT
