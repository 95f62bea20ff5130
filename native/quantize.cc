// Packing weights, and int8: blocks of 256 inputs share a scale.
//
// A weight is scale * integer with scale = max |w| / 127 over its column of the block; an activation scale * integer with
// scale = max |x| / 32767 over its row of the block. Sixteen bits cost nothing (the product multiplies int16 anyway, and
// 256 * 32767 * 127 fits an int32), so only the weights lose precision.
#include "product.h"

namespace hornbook {

// In the baseline's file only once; the other variants see the declaration in kernels.h.
#if defined(HORNBOOK_BASELINE)
int64_t packed_bytes(WeightType type, int64_t k, int64_t m) {
    const int64_t columns = (m + panel_width - 1) / panel_width * panel_width;
    switch (type) {
        case WeightType::float32: return columns * k * 4;
        case WeightType::bfloat16: return columns * k * 2;
        case WeightType::int8: return columns * ((k + 1) / 2 * 2);
    }
    return 0;
}

int64_t scale_count(WeightType type, int64_t k, int64_t m) {
    if (type != WeightType::int8) return 0;
    return (m + panel_width - 1) / panel_width * panel_width * ((k + scale_block - 1) / scale_block);
}
#endif

namespace HORNBOOK_VARIANT {

namespace {

// ---- activations ------------------------------------------------------------------------------------------------------

// max |x|, made NaN by any infinity or NaN (x * 0), so that those reach the result.
float largest_magnitude(const float* x, int64_t n) {
    Vec largest = splat(0.0f), poison = splat(0.0f);
    int64_t i = 0;
    const auto see = [&](Vec v) {
        largest = larger(magnitude(v), largest);
        poison = multiply_add(v, splat(0.0f), poison);
    };
    for (; i + lanes <= n; i += lanes) see(load(x + i));
    if (i < n) see(load_first(x + i, n - i));
    return largest_lane(largest) + sum_of_lanes(poison);
}

// Returns the scale; writes n integers.
float quantise_block(int16_t* to, const float* x, int64_t n) {
    const float largest = largest_magnitude(x, n);
    const Vec inverse = splat(largest > 0.0f ? 32767.0f / largest : 0.0f);
    const auto convert = [&](Vec v, int64_t first, int64_t count) {
        int32_t whole[lanes];
        const IntVec integers = to_int(round_to_even(v * inverse));
        std::memcpy(whole, &integers, sizeof whole);
        for (int64_t j = 0; j < count; ++j) to[first + j] = static_cast<int16_t>(whole[j]);
    };
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) convert(load(x + i), i, lanes);
    if (i < n) convert(load_first(x + i, n - i), i, n - i);
    return largest / 32767.0f;
}

// ---- weights ----------------------------------------------------------------------------------------------------------

// One block of inputs of one panel, rows[count, 16], as pairs.
void pack_int8_block(int8_t* to, float* scales, const float* rows, int64_t count) {
    float inverse[panel];
    for (int64_t j = 0; j < panel; j += lanes) {
        Vec largest = splat(0.0f), poison = splat(0.0f);
        for (int64_t i = 0; i < count; ++i) {
            const Vec value = load(rows + i * panel + j);
            largest = larger(magnitude(value), largest);
            poison = multiply_add(value, splat(0.0f), poison);
        }
        store(scales + j, (largest + poison) / splat(127.0f));
        store(inverse + j, choose((largest > splat(0.0f)) & (poison == splat(0.0f)), splat(127.0f) / largest, splat(0.0f)));
    }
    for (int64_t i = 0; i < count; ++i) {
        int32_t whole[panel];
        for (int64_t j = 0; j < panel; j += lanes) {
            const Vec factor = load(inverse + j);
            const Vec scaled = choose(factor > splat(0.0f), load(rows + i * panel + j) * factor, splat(0.0f));
            const IntVec integers = to_int(round_to_even(scaled));
            std::memcpy(whole + j, &integers, sizeof integers);
        }
        for (int64_t j = 0; j < panel; ++j) to[(i / 2 * panel + j) * 2 + i % 2] = static_cast<int8_t>(whole[j]);
    }
    if (count % 2 != 0)
        for (int64_t j = 0; j < panel; ++j) to[(count / 2 * panel + j) * 2 + 1] = 0;
}

void pack_int8_panel(int8_t* to, float* scales, const float* rows, int64_t k) {
    for (int64_t first = 0, block = 0; first < k; first += scale_block, ++block)
        pack_int8_block(to + first * panel, scales + block * panel, rows + first * panel, min_of(scale_block, k - first));
}

// ---- and back -----------------------------------------------------------------------------------------------------------

// W[row, column]
float element(const Packed& weight, int64_t row, int64_t column) {
    const int64_t p = column / panel, j = column % panel, k = weight.n_inputs, at = (p * k + row) * panel + j;
    if (weight.type == WeightType::float32) return static_cast<const float*>(weight.panels)[at];
    if (weight.type == WeightType::bfloat16) {
        const uint32_t bits = static_cast<uint32_t>(static_cast<const BFloat16*>(weight.panels)[at].bits) << 16;
        float value;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    const int64_t n_pairs = ceil_div(k, 2), n_blocks = ceil_div(k, scale_block);
    const int8_t* panels = static_cast<const int8_t*>(weight.panels);
    const float scale = weight.scales[(p * n_blocks + row / scale_block) * panel + j];
    return static_cast<float>(panels[((p * n_pairs + row / 2) * panel + j) * 2 + row % 2]) * scale;
}

}  // namespace

void quantise_rows(int16_t* values, float* scales, const float* x, int64_t n, int64_t k) {
    const int64_t padded = ceil_div(k, 2) * 2, n_blocks = ceil_div(k, scale_block);
    const int64_t rows_per_task = max_of(1, 16384 / max_of(1, k));
    parallel_for(ceil_div(n, rows_per_task), [&](int64_t task) {
        for (int64_t r = task * rows_per_task; r < min_of(n, (task + 1) * rows_per_task); ++r) {
            for (int64_t block = 0; block < n_blocks; ++block) {
                const int64_t first = block * scale_block, count = min_of(scale_block, k - first);
                scales[r * n_blocks + block] = quantise_block(values + r * padded + first, x + r * k + first, count);
            }
            if (padded > k) values[r * padded + k] = 0;
        }
    });
}

void pack(void* panels, float* scales, Matrix weight, WeightType type, int64_t k, int64_t m) {
    const int slots = thread_count();
    const Scratch scratch(type == WeightType::float32 ? 0 : k * panel * 4, slots);
    parallel_for(ceil_div(m, panel), slots, [&](int64_t p, int slot) {
        const Matrix columns{weight.data + p * panel * weight.column_stride, weight.row_stride, weight.column_stride};
        const int64_t count = min_of(panel, m - p * panel), size = k * panel;
        if (type == WeightType::float32) return pack_panel(static_cast<float*>(panels) + p * size, columns, k, count);
        float* rows = scratch.get<float>(slot);
        pack_panel(rows, columns, k, count);
        if (type == WeightType::bfloat16) {
            for (int64_t i = 0; i < size; ++i) static_cast<BFloat16*>(panels)[p * size + i] = to_bfloat16(rows[i]);
            return;
        }
        pack_int8_panel(static_cast<int8_t*>(panels) + p * ceil_div(k, 2) * 2 * panel, scales + p * ceil_div(k, scale_block) * panel,
                        rows, k);
    });
}

void unpack(float* out, const Packed& weight) {
    const int64_t m = weight.n_outputs;
    parallel_for(weight.n_inputs, [&](int64_t row) {
        for (int64_t column = 0; column < m; ++column) out[row * m + column] = element(weight, row, column);
    });
}

void packed_columns(float* out, const Packed& weight, const int32_t* ids, int64_t n) {
    // Each element is on a cache line of its own; 16 columns are enough to be worth a thread.
    const int64_t k = weight.n_inputs, step = 16;
    parallel_for(ceil_div(n, step), [&](int64_t task) {
        for (int64_t i = task * step; i < min_of(n, (task + 1) * step); ++i)
            for (int64_t row = 0; row < k; ++row) out[i * k + row] = element(weight, row, ids[i]);
    });
}

}  // namespace HORNBOOK_VARIANT
}  // namespace hornbook
