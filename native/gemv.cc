// Products with few rows: decoding. Limited by the speed of memory, so every weight is read once, in order, and prefetched.
//
// Up to eight rows share one pass over the weights. The tile function is the one of gemm.cc, so a row has the same bits here and there.
#include "product.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// A task walks at most this many bytes, some ten microseconds of work, and every thread gets four tasks if there are enough panels.
constexpr int64_t task_bytes = 256 << 10;

struct Call {
    const float* x;
    const QuantisedRows& quantised;
    const Packed& weight;
    int64_t n;
};

// One row alone takes several panels at a time, to have enough sums in flight; more rows take the tile of a large product.
constexpr int tile_limit = tile_rows < few_rows ? tile_rows : few_rows;

// sums[n, 16P] for P panels from `first` on, in tiles of at most R rows; B is the type the weights are stored in.
template <int R, int P, class B>
void multiply_panels(float* sums, const Call& call, int64_t first) {
    const int64_t k = call.weight.n_inputs, panel_stride = k * panel;
    const Right<B> right{static_cast<const B*>(call.weight.panels) + first * panel_stride, panel, panel_stride};
    const Tiles tiles(call.n, R);
    for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t begin = tiles.begin(i);
        const Rows<float> left{call.x + begin * k, k};
        with_row_count<R>(tiles.begin(i + 1) - begin, [&](auto rows) {
            multiply_tile<rows.value, P, Source::memory>(sums + begin * P * panel, P * panel, left, right, k, false);
        });
    }
}

template <int R, int P>
void multiply_panels_int8(float* sums, const Call& call, int64_t first) {
    const QuantisedRows& q = call.quantised;
    const int64_t panel_stride = q.n_pairs * 2 * panel, scale_stride = q.n_blocks * panel;
    const int8_t* panels = static_cast<const int8_t*>(call.weight.panels) + first * panel_stride;
    const float* scales = call.weight.scales + first * scale_stride;
    if (q.n_blocks == 0) std::memset(sums, 0, static_cast<size_t>(call.n * P * panel) * sizeof(float));
    const Tiles tiles(call.n, R);
    for (int64_t i = 0; i < tiles.count; ++i) {
        const int64_t begin = tiles.begin(i);
        with_row_count<R>(tiles.begin(i + 1) - begin, [&](auto rows) {
            for (int64_t block = 0; block < q.n_blocks; ++block) {
                const int64_t first_pair = block * scale_block / 2, n_pairs = min_of(scale_block / 2, q.n_pairs - first_pair);
                multiply_tile_int<rows.value, P, Source::memory>(
                    sums + begin * P * panel, P * panel, Rows<float>{q.pairs + begin * q.n_pairs + first_pair, q.n_pairs},
                    Right<int8_t>{panels + first_pair * 2 * panel, 2 * panel, panel_stride}, n_pairs, scales + block * panel,
                    scale_stride, q.scales + begin * q.n_blocks + block, q.n_blocks, block > 0);
            }
        });
    }
}

template <int R, int P>
void multiply_panels_of(float* sums, const Call& call, int64_t first) {
    switch (call.weight.type) {
        case WeightType::float32: return multiply_panels<R, P, float>(sums, call, first);
        case WeightType::bfloat16: return multiply_panels<R, P, BFloat16>(sums, call, first);
        case WeightType::int8: return multiply_panels_int8<R, P>(sums, call, first);
    }
}

// Each panel prefetches its own next bytes, but nobody those at its beginning: that is left to the panels before.
template <int P>
void prefetch_starts(const Packed& weight, int64_t first) {
    const int64_t panel_bytes = packed_bytes(weight.type, weight.n_inputs, panel);
    const char* panels = static_cast<const char*>(weight.panels) + first * panel_bytes;
    for (int64_t p = 0; p < P; ++p)
        for (int64_t at = 0; at < min_of(prefetch_bytes, panel_bytes); at += cache_line)
            __builtin_prefetch(panels + p * panel_bytes + at);
}

// Computes panels [first, end) and finishes them, P at a time and the last ones alone.
template <int R, int P>
void run_panels(float* out, const Call& call, const Epilogue& epilogue, int64_t first, int64_t end) {
    alignas(64) float sums[few_rows * P * panel];
    const int64_t m = call.weight.n_outputs;
    for (; first + P <= end; first += P) {
        if (first + 2 * P <= end) prefetch_starts<P>(call.weight, first + P);
        multiply_panels_of<R, P>(sums, call, first);
        finish_rows(out, sums, P * panel, epilogue, 0, call.n, first * panel, min_of(P * panel, m - first * panel), m);
    }
    if constexpr (P > 1) {
        if (first < end) run_panels<R, 1>(out, call, epilogue, first, end);
    }
}

}  // namespace

void linear_few_rows(float* out, const float* x, const QuantisedRows& quantised, const Packed& weight, const Epilogue& epilogue,
                     int64_t n) {
    const Call call{x, quantised, weight, n};
    const int64_t m = weight.n_outputs, n_panels = ceil_div(m, panel);
    const int64_t panel_bytes = max_of(1, packed_bytes(weight.type, weight.n_inputs, panel));
    const int64_t wanted = min_of(task_bytes / panel_bytes, n_panels / (4 * thread_count()));
    const int64_t per_task = max_of(1, wanted / stream_panels) * stream_panels;
    parallel_for(ceil_div(n_panels, per_task), [&](int64_t task) {
        const int64_t first = task * per_task, end = min_of(n_panels, first + per_task);
        if (n == 1)
            run_panels<1, stream_panels>(out, call, epilogue, first, end);
        else
            run_panels<tile_limit, tile_panels>(out, call, epilogue, first, end);
    });
}

}  // namespace hornbook::HORNBOOK_VARIANT
