// What attention's forward and backward share: products of a few dozen rows, from operands as they lie in memory.
#pragma once

#include "memory.h"
#include "parallel.h"
#include "tile.h"

namespace hornbook::HORNBOOK_VARIANT {

template <class T>
HORNBOOK_INLINE Rows<T> from_row(Rows<T> left, int64_t row) {
    return {left.data + row * left.stride, left.stride};
}

template <class T>
HORNBOOK_INLINE Columns<T> from_row(Columns<T> left, int64_t row) {
    return {left.data + row, left.stride};
}

// One tile of R rows, P panels at a time.
template <int R, int P, class Left, class B>
HORNBOOK_INLINE void multiply_row_tile(float* c, int64_t c_stride, Left left, Right<B> right, int64_t panels, int64_t k, bool accumulate) {
    int64_t p = 0;
    for (; p + P <= panels; p += P) {
        const Right<B> part{right.data + p * right.panel_stride, right.row_stride, right.panel_stride};
        multiply_tile<R, P, Source::cache>(c + p * panel, c_stride, left, part, k, accumulate);
    }
    if constexpr (P > 1) {
        const Right<B> part{right.data + p * right.panel_stride, right.row_stride, right.panel_stride};
        multiply_row_tile<R, 1>(c + p * panel, c_stride, left, part, panels - p, k, accumulate);
    }
}

// c[rows, 16 panels] (+)= left[rows, k] right[k, 16 panels]
template <class Left, class B>
void multiply_rows(float* c, int64_t c_stride, Left left, Right<B> right, int64_t rows, int64_t panels, int64_t k, bool accumulate) {
    if (rows == 1) return multiply_row_tile<1, stream_panels>(c, c_stride, left, right, panels, k, accumulate);
    const Tiles tiles(rows, tile_rows);
    for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t begin = tiles.begin(i);
        with_row_count<tile_rows>(tiles.begin(i + 1) - begin, [&](auto count) {
            multiply_row_tile<count.value, tile_panels>(c + begin * c_stride, c_stride, from_row(left, begin), right, panels, k,
                                                        accumulate);
        });
    }
}

}  // namespace hornbook::HORNBOOK_VARIANT
