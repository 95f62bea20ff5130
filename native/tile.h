// The heart of every matrix product: a tile of rows times panels of 16 columns, kept in registers while k runs.
//
// Each element of the result is one chain of fused multiply-adds over k = 0, 1, 2, ... that starts from the value that the output already has.
// Tiles differ only in how many such chains run side by side. So a row gets the same bits from a tile of one row in a
// matrix-vector product, from one of fourteen in a matrix product, and when k is cut into blocks whose sums wait in memory.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace hornbook::HORNBOOK_VARIANT {

constexpr int panel = panel_width;
constexpr int panel_vecs = panel / lanes;  // registers that hold one row of a panel

HORNBOOK_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
HORNBOOK_INLINE int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
HORNBOOK_INLINE int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

// How the left factor is reached: element (r, k) of the tile.
template <class T>
struct Rows {  // rows of a matrix
    const T* data;
    int64_t stride;
    HORNBOOK_INLINE T at(int r, int64_t k) const { return data[r * stride + k]; }
};
template <class T>
struct Columns {  // rows of a transposed matrix
    const T* data;
    int64_t stride;
    HORNBOOK_INLINE T at(int r, int64_t k) const { return data[k * stride + r]; }
};
template <class T, int R>
struct PackedTile {  // R rows interleaved, see pack_rows
    const T* data;
    HORNBOOK_INLINE T at(int r, int64_t k) const { return data[k * R + r]; }
};

// The right factor: panels [.., 16] whose rows are row_stride elements apart and which are panel_stride apart themselves.
template <class B>
struct Right {
    const B* data;
    int64_t row_stride, panel_stride;
};

// Weights that come from memory and not from a cache are asked for this many bytes ahead.
constexpr int64_t prefetch_bytes = 2048;

enum class Source { cache, memory };

// c[R, 16P] (+)= a[R, k] b[k, 16P]; starts from zero unless `accumulate`.
template <int R, int P, Source source, class Left, class B>
HORNBOOK_INLINE void multiply_tile(float* c, int64_t c_stride, Left a, Right<B> b, int64_t k, bool accumulate) {
    constexpr int V = P * panel_vecs;
    Vec sum[R][V];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] = accumulate ? load(c + r * c_stride + v * lanes) : splat(0.0f);
    for (int64_t i = 0; i < k; ++i) {
        Vec right[V];
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p) {
            const B* row = b.data + p * b.panel_stride + i * b.row_stride;
            if constexpr (source == Source::memory) __builtin_prefetch(reinterpret_cast<const char*>(row) + prefetch_bytes);
#pragma GCC unroll 16
            for (int v = 0; v < panel_vecs; ++v) right[p * panel_vecs + v] = load(row + v * lanes);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const Vec left = splat(a.at(r, i));
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[r][v] = multiply_add(left, right[v], sum[r][v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) store(c + r * c_stride + v * lanes, sum[r][v]);
}

// One block of 256 inputs with int8 weights (or int16, widened): exact integer sums, then
//   c[r, j] += sum[r, j] * (weight_scale[j] * row_scale[r]).
// Activations are int16, two in the bits of one float. The sum stays within int32: 256 * 32767 * 127 < 2^31.
template <int R, int P, Source source, class Left, class B>
HORNBOOK_INLINE void multiply_tile_int(float* c, int64_t c_stride, Left a, Right<B> b, int64_t n_pairs, const float* weight_scales,
                                       int64_t scale_panel_stride, const float* row_scales, int64_t row_scale_stride,
                                       bool accumulate) {
    constexpr int V = P * panel_vecs;
    IntVec sum[R][V];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] = splat_int(0);
    for (int64_t i = 0; i < n_pairs; ++i) {
        PairVec right[V];
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p) {
            const B* row = b.data + p * b.panel_stride + i * b.row_stride;
            if constexpr (source == Source::memory) __builtin_prefetch(reinterpret_cast<const char*>(row) + prefetch_bytes);
#pragma GCC unroll 16
            for (int v = 0; v < panel_vecs; ++v) right[p * panel_vecs + v] = load_pairs(row + v * 2 * lanes);
        }
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const PairVec left = splat_pair(a.at(r, i));
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[r][v] = add_pair_products(sum[r][v], right[v], left);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) {
            const float* scales = weight_scales + (v / panel_vecs) * scale_panel_stride + (v % panel_vecs) * lanes;
            const Vec scale = load(scales) * splat(row_scales[r * row_scale_stride]);
            float* to = c + r * c_stride + v * lanes;
            store(to, multiply_add(to_float(sum[r][v]), scale, accumulate ? load(to) : splat(0.0f)));
        }
}

// Calls body(RowCount<r>{}) for a number of rows that is known only at run time, 1 <= r <= limit.
template <int r>
struct RowCount {
    static constexpr int value = r;
};

template <int limit, class Body>
HORNBOOK_INLINE void with_row_count(int64_t rows, const Body& body) {
    if constexpr (limit > 1) {
        if (rows != limit) return with_row_count<limit - 1>(rows, body);
    }
    body(RowCount<limit>{});
}

// Rows [0, n) cut into the fewest tiles of at most `limit` rows, as even as possible; tile i begins at tile_begin(i).
struct Tiles {
    int64_t n, count;
    HORNBOOK_INLINE Tiles(int64_t rows, int64_t limit) : n(rows), count(ceil_div(rows, limit)) {}
    HORNBOOK_INLINE int64_t begin(int64_t i) const { return n * i / count; }
};

}  // namespace hornbook::HORNBOOK_VARIANT
