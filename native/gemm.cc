// Products with many rows, limited by arithmetic.
//
// Blocking, from the inside out (sizes for AVX2): a tile of 6 x 16 sums in registers; a block of one panel, 256 inputs x 16
// columns = 16 KB, which stays in the first-level cache while the tiles of all rows pass; 240 rows x 256 inputs = 240 KB of the
// left factor, packed, in the second level. Sums of finished blocks wait in the output.
// Threads share out blocks of rows x columns; none of this touches the order of additions (tile.h).
#include "product.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

constexpr int64_t block_inputs = scale_block;
constexpr int64_t block_rows = 240 / tile_rows * tile_rows;

// ---- transposing ------------------------------------------------------------------------------------------------------------

// Four lanes on every instruction set: transposing 4 x 4 takes eight shuffles, a quarter of the moves of single elements.
typedef float Four __attribute__((vector_size(16)));

HORNBOOK_INLINE Four load_four(const float* from) {
    Four v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

HORNBOOK_INLINE void store_four(float* to, Four v) { std::memcpy(to, &v, sizeof v); }

// Transposes four rows of four.
HORNBOOK_INLINE void transpose_4x4(float* to, int64_t to_stride, const float* from, int64_t from_stride) {
    const Four a = load_four(from), b = load_four(from + from_stride);
    const Four c = load_four(from + 2 * from_stride), d = load_four(from + 3 * from_stride);
    const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store_four(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    store_four(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    store_four(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    store_four(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// ---- the left factor: tiles of R rows, interleaved --------------------------------------------------------------------

// to[k, R] from R rows, 4 x 4 elements at a time; the last four rows may overlap those before, which only writes them twice.
void interleave_rows(float* to, const float* rows, int64_t row_stride, int64_t n_rows, int64_t k) {
    int64_t i = 0;
    for (; n_rows >= 4 && i + 4 <= k; i += 4)
        for (int64_t r = 0; r < n_rows; r += 4) {
            const int64_t first = min_of(r, n_rows - 4);
            transpose_4x4(to + i * n_rows + first, n_rows, rows + first * row_stride + i, row_stride);
        }
    for (; i < k; ++i)
        for (int64_t r = 0; r < n_rows; ++r) to[i * n_rows + r] = rows[r * row_stride + i];
}

// The tiles of a transposed matrix: their rows are side by side already. Inputs are far apart in memory, so a few of them at a
// time are spread over all tiles.
void pack_left_transposed(float* to, Matrix from, const Tiles& tiles, int64_t k) {
    constexpr int64_t step = 16;
    for (int64_t first = 0; first < k; first += step)
        for (int64_t tile = 0; tile < tiles.count; ++tile) {
            const int64_t begin = tiles.begin(tile), n_rows = tiles.begin(tile + 1) - begin;
            for (int64_t i = first; i < min_of(k, first + step); ++i)
                for (int64_t r = 0; r < n_rows; ++r)
                    to[begin * k + i * n_rows + r] = from.data[(begin + r) * from.row_stride + i * from.column_stride];
        }
}

// Rows [first_row, first_row + tiles.n), inputs [first, first + k).
void pack_left(float* to, Matrix from, int64_t first_row, const Tiles& tiles, int64_t first, int64_t k) {
    const Matrix block{from.data + first_row * from.row_stride + first * from.column_stride, from.row_stride, from.column_stride};
    if (from.column_stride != 1) return pack_left_transposed(to, block, tiles, k);
    for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t begin = tiles.begin(i);
        interleave_rows(to + begin * k, block.data + begin * from.row_stride, from.row_stride, tiles.begin(i + 1) - begin, k);
    }
}

// ---- the right factor: one block of 256 inputs of a panel ---------------------------------------------------------------

// to[k, 16] where the 16 columns are rows in memory.
void pack_transposed_panel(float* to, const float* from, int64_t column_stride, int64_t k) {
    int64_t i = 0;
    for (; i + 4 <= k; i += 4)
        for (int64_t j = 0; j < panel; j += 4)
            transpose_4x4(to + i * panel + j, panel, from + j * column_stride + i, column_stride);
    for (; i < k; ++i)
        for (int64_t j = 0; j < panel; ++j) to[i * panel + j] = from[j * column_stride + i];
}

}  // namespace

// to[k, 16] from k rows and `columns` <= 16 columns of any matrix, filled up with zeros.
void pack_panel(float* to, Matrix from, int64_t k, int64_t columns) {
    if (columns == panel && from.row_stride == 1) return pack_transposed_panel(to, from.data, from.column_stride, k);
    for (int64_t i = 0; i < k; ++i) {
        const float* row = from.data + i * from.row_stride;
        if (columns == panel && from.column_stride == 1) {
            // Every row is on a page of its own, out of sight of the hardware's prefetcher: ask for the next panels here.
            __builtin_prefetch(row + tile_panels * panel, 0, 2);
            std::memcpy(to + i * panel, row, panel * sizeof(float));
            continue;
        }
        for (int64_t j = 0; j < panel; ++j) to[i * panel + j] = j < columns ? row[j * from.column_stride] : 0.0f;
    }
}

namespace {

// ---- tiles over a block -------------------------------------------------------------------------------------------------

// A block of the product: `tiles` of rows, P panels of which the last has only `columns` - 16 (P - 1) columns.
struct Block {
    float* out;
    int64_t out_stride;
    const Tiles& tiles;
    int64_t columns;
};

// Calls multiply(rows, c, c_stride, begin) for each tile, with a buffer for whole panels where the output has no room.
template <int P, class Multiply>
void for_each_tile(const Block& block, bool accumulate, const Multiply& multiply) {
    alignas(64) float whole[tile_rows * P * panel];
    const bool fits = block.columns == P * panel;
    for (int64_t i = 0; i < block.tiles.count; ++i) {
        const int64_t begin = block.tiles.begin(i), rows = block.tiles.begin(i + 1) - begin;
        float* c = block.out + begin * block.out_stride;
        const auto run = [&](float* to, int64_t stride) {
            with_row_count<tile_rows>(rows, [&](auto count) { multiply(count, to, stride, begin); });
        };
        if (fits) {
            run(c, block.out_stride);
            continue;
        }
        const size_t bytes = static_cast<size_t>(block.columns) * sizeof(float);
        std::memset(whole, 0, sizeof whole);
        for (int64_t r = 0; accumulate && r < rows; ++r) std::memcpy(whole + r * P * panel, c + r * block.out_stride, bytes);
        run(whole, P * panel);
        for (int64_t r = 0; r < rows; ++r) std::memcpy(c + r * block.out_stride, whole + r * P * panel, bytes);
    }
}

template <int P>
void multiply_block(const Block& block, const float* left, Right<float> right, int64_t k, bool accumulate) {
    for_each_tile<P>(block, accumulate, [&](auto rows, float* c, int64_t stride, int64_t begin) {
        const PackedTile<float, rows.value> a{left + begin * k};
        multiply_tile<rows.value, P, Source::cache>(c, stride, a, right, k, accumulate);
    });
}

struct IntScales {
    const float* weight;
    int64_t panel_stride;
    const float* row;
    int64_t row_stride;
};

template <int P>
void multiply_block_int(const Block& block, const float* left, Right<int16_t> right, int64_t n_pairs, const IntScales& scales,
                        bool accumulate) {
    for_each_tile<P>(block, accumulate, [&](auto rows, float* c, int64_t stride, int64_t begin) {
        const PackedTile<float, rows.value> a{left + begin * n_pairs};
        multiply_tile_int<rows.value, P, Source::cache>(c, stride, a, right, n_pairs, scales.weight, scales.panel_stride,
                                                        scales.row + begin * scales.row_stride, scales.row_stride, accumulate);
    });
}

// Calls body(PanelCount, first panel) so that panels [first, end) are covered by tiles of tile_panels, the last one alone.
template <class Body>
void for_each_panel_group(int64_t first, int64_t end, const Body& body) {
    for (; first + tile_panels <= end; first += tile_panels) body(RowCount<tile_panels>{}, first);
    for (; first < end; ++first) body(RowCount<1>{}, first);
}

// Blocks of rows x groups of panels, one task each. The left factor is packed once per task, at a third of a cycle an element,
// against a cycle (AVX2) for each 16 panels: groups are wide, but there are enough of them for every thread to have six.
struct Grid {
    int64_t n, n_panels, row_blocks, width, column_blocks;
    Grid(int64_t rows, int64_t columns)
        : n(rows), n_panels(ceil_div(columns, panel)), row_blocks(ceil_div(rows, block_rows)),
          width(group_width(n_panels * row_blocks / (6 * thread_count()))), column_blocks(ceil_div(n_panels, width)) {}
    static int64_t group_width(int64_t panels) { return ceil_div(max_of(8, min_of(64, panels)), tile_panels) * tile_panels; }
    // Columns run fastest: threads at work at the same time share rows of the left factor.
    int64_t first_row(int64_t task) const { return n * (task / column_blocks) / row_blocks; }
    int64_t end_row(int64_t task) const { return n * (task / column_blocks + 1) / row_blocks; }
    int64_t first_panel(int64_t task) const { return task % column_blocks * width; }
    int64_t end_panel(int64_t task) const { return min_of(n_panels, first_panel(task) + width); }
    int64_t count() const { return row_blocks * column_blocks; }
};

// The product of a float left factor with panels that `right(to, first input, k, panel)` provides as float32 [k, 16]: a pointer into
// packed weights, or `to` after filling it.
template <class Provide>
void multiply_task(float* out, Matrix a, const Grid& grid, int64_t task, int64_t k, int64_t m, bool accumulate, float* left,
                   float* right, const Provide& provide) {
    const int64_t first_row = grid.first_row(task);
    const Tiles tiles(grid.end_row(task) - first_row, tile_rows);
    for (int64_t first = 0; first < k; first += block_inputs) {
        const int64_t inputs = min_of(block_inputs, k - first);
        pack_left(left, a, first_row, tiles, first, inputs);
        for_each_panel_group(grid.first_panel(task), grid.end_panel(task), [&](auto panels, int64_t p) {
            constexpr int P = decltype(panels)::value;
            const Block block{out + first_row * m + p * panel, m, tiles, min_of(P * panel, m - p * panel)};
            const Right<float> factor = provide(RowCount<P>{}, right, first, inputs, p);
            multiply_block<P>(block, left, factor, inputs, accumulate || first > 0);
        });
    }
}

// The sizes of a task's working memory, in elements of 4 bytes.
constexpr int64_t left_elements = (block_rows + tile_rows) * block_inputs, right_elements = tile_panels * block_inputs * panel;

void finish_task(float* out, const Epilogue& epilogue, const Grid& grid, int64_t task, int64_t m) {
    const int64_t first_row = grid.first_row(task), column = grid.first_panel(task) * panel;
    finish_rows(out, out + first_row * m + column, m, epilogue, first_row, grid.end_row(task) - first_row, column,
                min_of(grid.end_panel(task) * panel, m) - column, m);
}

void linear_float32(float* out, const float* x, const Packed& weight, const Epilogue& epilogue, const Grid& grid) {
    const int64_t k = weight.n_inputs, m = weight.n_outputs;
    const int slots = thread_count();
    const Scratch scratch(left_elements * 4, slots);
    const float* panels = static_cast<const float*>(weight.panels);
    parallel_for(grid.count(), slots, [&](int64_t task, int slot) {
        const auto provide = [&](auto, float*, int64_t first, int64_t, int64_t p) {
            return Right<float>{panels + (p * k + first) * panel, panel, k * panel};
        };
        multiply_task(out, {x, k, 1}, grid, task, k, m, false, scratch.get<float>(slot), nullptr, provide);
        finish_task(out, epilogue, grid, task, m);
    });
}

void linear_bfloat16(float* out, const float* x, const Packed& weight, const Epilogue& epilogue, const Grid& grid) {
    const int64_t k = weight.n_inputs, m = weight.n_outputs;
    const int slots = thread_count();
    const Scratch scratch((left_elements + right_elements) * 4, slots);
    const BFloat16* panels = static_cast<const BFloat16*>(weight.panels);
    parallel_for(grid.count(), slots, [&](int64_t task, int slot) {
        const auto widen = [&](auto count, float* to, int64_t first, int64_t inputs, int64_t p) {
            for (int64_t i = 0; i < count.value; ++i)
                for (int64_t j = 0; j < inputs * panel; j += lanes)
                    store(to + i * inputs * panel + j, load(panels + ((p + i) * k + first) * panel + j));
            return Right<float>{to, panel, inputs * panel};
        };
        float* left = scratch.get<float>(slot);
        multiply_task(out, {x, k, 1}, grid, task, k, m, false, left, left + left_elements, widen);
        finish_task(out, epilogue, grid, task, m);
    });
}

// int8 weights: as multiply_task, with integers.
void multiply_task_int8(float* out, const QuantisedRows& q, const Packed& weight, const Grid& grid, int64_t task, float* left,
                        int16_t* right) {
    const int64_t m = weight.n_outputs, first_row = grid.first_row(task);
    const int8_t* panels = static_cast<const int8_t*>(weight.panels);
    const Tiles tiles(grid.end_row(task) - first_row, tile_rows);
    for (int64_t b = 0; b < q.n_blocks; ++b) {
        const int64_t first = b * block_inputs / 2, pairs = min_of(block_inputs / 2, q.n_pairs - first), size = pairs * 2 * panel;
        pack_left(left, {q.pairs, q.n_pairs, 1}, first_row, tiles, first, pairs);
        for_each_panel_group(grid.first_panel(task), grid.end_panel(task), [&](auto count, int64_t p) {
            constexpr int P = decltype(count)::value;
            for (int64_t i = 0; i < P; ++i)
                for (int64_t j = 0; j < size; j += 2 * lanes) {
                    const PairVec wide = load_pairs(panels + ((p + i) * q.n_pairs + first) * 2 * panel + j);
                    std::memcpy(right + i * size + j, &wide, sizeof wide);
                }
            const Block block{out + first_row * m + p * panel, m, tiles, min_of(P * panel, m - p * panel)};
            const IntScales scales{weight.scales + (p * q.n_blocks + b) * panel, q.n_blocks * panel,
                                   q.scales + first_row * q.n_blocks + b, q.n_blocks};
            multiply_block_int<P>(block, left, {right, 2 * panel, size}, pairs, scales, b > 0);
        });
    }
}

void linear_int8(float* out, const QuantisedRows& q, const Packed& weight, const Epilogue& epilogue, const Grid& grid) {
    const int slots = thread_count();
    const Scratch scratch((left_elements + right_elements) * 4, slots);
    parallel_for(grid.count(), slots, [&](int64_t task, int slot) {
        float* left = scratch.get<float>(slot);
        multiply_task_int8(out, q, weight, grid, task, left, reinterpret_cast<int16_t*>(left + left_elements));
        finish_task(out, epilogue, grid, task, weight.n_outputs);
    });
}

void fill_zero(float* out, int64_t m, int64_t n) { std::memset(out, 0, static_cast<size_t>(m * n) * sizeof(float)); }

}  // namespace

void linear_many_rows(float* out, const float* x, const QuantisedRows& quantised, const Packed& weight, const Epilogue& epilogue,
                      int64_t n) {
    const Grid grid(n, weight.n_outputs);
    if (weight.n_inputs == 0) fill_zero(out, n, weight.n_outputs);
    switch (weight.type) {
        case WeightType::float32: return linear_float32(out, x, weight, epilogue, grid);
        case WeightType::bfloat16: return linear_bfloat16(out, x, weight, epilogue, grid);
        case WeightType::int8: return linear_int8(out, quantised, weight, epilogue, grid);
    }
}

namespace {

// out[M,N] (+)= a b, the right factor packed a panel's block at a time; finish(grid, task) follows each task.
template <class Finish>
void multiply_matrices(float* out, Matrix a, Matrix b, bool accumulate, int64_t m, int64_t k, int64_t n, const Finish& finish) {
    if (k == 0 && !accumulate) fill_zero(out, m, n);
    const Grid grid(m, n);
    const int slots = thread_count();
    const Scratch scratch((left_elements + right_elements) * 4, slots);
    parallel_for(grid.count(), slots, [&](int64_t task, int slot) {
        const auto pack = [&](auto count, float* to, int64_t first, int64_t inputs, int64_t p) {
            for (int64_t i = 0; i < count.value; ++i) {
                const int64_t column = (p + i) * panel;
                const Matrix part{b.data + first * b.row_stride + column * b.column_stride, b.row_stride, b.column_stride};
                pack_panel(to + i * inputs * panel, part, inputs, min_of(panel, n - column));
            }
            return Right<float>{to, panel, inputs * panel};
        };
        float* left = scratch.get<float>(slot);
        multiply_task(out, a, grid, task, k, n, accumulate, left, left + left_elements, pack);
        finish(grid, task);
    });
}

}  // namespace

void matmul(float* out, Matrix a, Matrix b, bool accumulate, int64_t m, int64_t k, int64_t n) {
    multiply_matrices(out, a, b, accumulate, m, k, n, [](const Grid&, int64_t) {});
}

void linear_unpacked(float* out, const float* x, Matrix weight, const Epilogue& epilogue, int64_t n, int64_t k, int64_t m) {
    multiply_matrices(out, {x, k, 1}, weight, false, n, k, m, [&](const Grid& grid, int64_t task) {
        finish_task(out, epilogue, grid, task, m);
    });
}

void linear(float* out, const float* x, const Packed& weight, const Epilogue& epilogue, int64_t n) {
    const int64_t k = weight.n_inputs, n_pairs = ceil_div(k, 2), n_blocks = ceil_div(k, scale_block);
    const bool quantise = weight.type == WeightType::int8;
    const Scratch pairs(quantise ? n * n_pairs * 4 : 0), scales(quantise ? n * n_blocks * 4 : 0);
    if (quantise) quantise_rows(pairs.get<int16_t>(), scales.get<float>(), x, n, k);
    const QuantisedRows rows{pairs.get<float>(), scales.get<float>(), n_pairs, n_blocks};
    if (n > few_rows) return linear_many_rows(out, x, rows, weight, epilogue, n);
    linear_few_rows(out, x, rows, weight, epilogue, n);
}

}  // namespace hornbook::HORNBOOK_VARIANT
