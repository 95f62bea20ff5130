// Attention without a T x T matrix, forward.
//
// Keys are taken in blocks of 64 from position 0 on. For each row a running maximum, a running sum of exponentials and a running
// weighted sum of values are kept, and rescaled when the maximum grows (Milakov and Gimelshein, "Online normalizer calculation
// for softmax", 2018; Dao et al., "FlashAttention", 2022). What a row computes depends on its position alone: it has the same
// bits in a whole sequence, after a cache, and beside any neighbours.
//
// There is one definition: attention without a cache fills a temporary one and attends to that. attention_backward.cc is its twin.
#include "attention.h"

#include "vector_math.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

constexpr int64_t key_block = 64;
constexpr int64_t chunk_rows = 4 * tile_rows;  // query rows of one task

// One head of one sequence in a cache.
template <class T>
struct Head {
    T* keys;    // [capacity / 16, D, 16]
    T* values;  // [capacity, P]
    int64_t size, padded;
};

HORNBOOK_INLINE void put(float* to, float value) { *to = value; }
HORNBOOK_INLINE void put(Float16* to, float value) { *to = to_float16(value); }

// Writes one row's key and value after the others.
template <class T>
void append(const Head<T>& head, int64_t position, const float* key, const float* value) {
    T* keys = head.keys + position / panel * head.size * panel + position % panel;
    for (int64_t d = 0; d < head.size; ++d) put(keys + d * panel, key[d]);
    T* values = head.values + position * head.padded;
    for (int64_t d = 0; d < head.size; ++d) put(values + d, value[d]);
    for (int64_t d = head.size; d < head.padded; ++d) put(values + d, 0.0f);
}

// A tile of query rows and what they have gathered so far.
struct Tile {
    const float* queries;
    int64_t query_stride, rows, first_position;
    float* scores;   // [rows, 64]
    float* context;  // [rows, P]
    float *largest, *sum;
    const float* bias;  // null, or of the head: [2 R + 1]

    // How many of the `count` keys from `first` on row r may look at.
    HORNBOOK_INLINE int64_t visible(int64_t r, int64_t first, int64_t count, bool causal) const {
        return causal ? max_of(0, min_of(count, first_position + r + 1 - first)) : count;
    }
};

// Scores of one row are scaled and get the bias of their distance.
void add_bias(const Tile& tile, int64_t r, int64_t first, int64_t visible, const AttentionShape& shape) {
    float* s = tile.scores + r * key_block;
    const int64_t nearest = first - tile.first_position - r, radius = shape.radius;
    for (int64_t j = 0; j < visible; ++j)
        s[j] = s[j] * shape.scale + tile.bias[radius + max_of(-radius, min_of(radius, nearest + j))];
}

// Scores of one row become weights e^(scale s - largest), and what was gathered before is rescaled to the new maximum.
void weigh_row(const Tile& tile, int64_t r, int64_t visible, float scale, int64_t padded) {
    float* s = tile.scores + r * key_block;
    for (int64_t j = visible; j % lanes != 0; ++j) s[j] = -__builtin_inff();
    Vec block_largest = splat(-__builtin_inff());
    for (int64_t j = 0; j < visible; j += lanes) {
        const Vec scaled = load(s + j) * splat(scale);
        store(s + j, scaled);
        block_largest = larger(scaled, block_largest);
    }
    const float before = tile.largest[r], now = largest_lane(larger(block_largest, splat(before)));
    if (now != before) {
        float lane[lanes];
        store(lane, exp(splat(before - now)));
        tile.largest[r] = now;
        tile.sum[r] *= lane[0];
        float* context = tile.context + r * padded;
        for (int64_t d = 0; d < padded; d += lanes) store(context + d, load(context + d) * splat(lane[0]));
    }
    Vec sum = splat(0.0f);
    for (int64_t j = 0; j < visible; j += lanes) {
        const Vec weight = exp(load(s + j) - splat(now));
        store(s + j, weight);
        sum = sum + weight;
    }
    tile.sum[r] += sum_of_lanes(sum);
}

// context += weights[visible] values. All rows share the keys that the first one sees; the few after those, on the diagonal, follow
// row by row, so that no row touches a value it may not see (0 * infinity is not 0).
template <class T>
void gather_values(const Tile& tile, const Head<T>& head, int64_t first, int64_t count, bool causal) {
    const int64_t shared = tile.visible(0, first, count, causal), panels = head.padded / panel;
    const T* values = head.values + first * head.padded;
    const Right<T> right{values, head.padded, panel};
    multiply_rows(tile.context, head.padded, Rows<float>{tile.scores, key_block}, right, tile.rows, panels, shared, true);
    for (int64_t r = 1; r < tile.rows; ++r) {
        const int64_t more = tile.visible(r, first, count, causal) - shared;
        if (more <= 0) continue;
        const Rows<float> weights{tile.scores + r * key_block + shared, key_block};
        const Right<T> later{values + shared * head.padded, head.padded, panel};
        multiply_rows(tile.context + r * head.padded, head.padded, weights, later, 1, panels, more, true);
    }
}

template <class T>
void attend_block(const Tile& tile, const Head<T>& head, int64_t first, int64_t count, const AttentionShape& shape) {
    const Right<T> keys{head.keys + first * head.size, panel, head.size * panel};
    multiply_rows(tile.scores, key_block, Rows<float>{tile.queries, tile.query_stride}, keys, tile.rows, ceil_div(count, panel),
                  head.size, false);
    for (int64_t r = 0; r < tile.rows; ++r) {
        const int64_t visible = tile.visible(r, first, count, shape.causal);
        if (visible <= 0) continue;
        if (tile.bias != nullptr) add_bias(tile, r, first, visible, shape);
        weigh_row(tile, r, visible, tile.bias == nullptr ? shape.scale : 1.0f, head.padded);
    }
    gather_values(tile, head, first, count, shape.causal);
}

// Where the results of a tile go: row r of head h.
struct Result {
    float* out;  // at the head's first feature
    int64_t stride;
    float* log_sums;  // null, or at the head
    int64_t n_head;
};

template <class T>
void attend_tile(const Result& result, const Tile& tile, const Head<T>& head, int64_t n_keys, const AttentionShape& shape) {
    for (int64_t r = 0; r < tile.rows; ++r) {
        tile.largest[r] = -__builtin_inff();
        tile.sum[r] = 0.0f;
    }
    std::memset(tile.context, 0, static_cast<size_t>(tile.rows * head.padded) * sizeof(float));
    const int64_t end = shape.causal ? tile.first_position + tile.rows : n_keys;
    for (int64_t first = 0; first < end; first += key_block)
        attend_block(tile, head, first, min_of(key_block, end - first), shape);
    for (int64_t r = 0; r < tile.rows; ++r) {
        const float* context = tile.context + r * head.padded;
        for (int64_t d = 0; d < head.size; ++d) result.out[r * result.stride + d] = context[d] / tile.sum[r];
        if (result.log_sums != nullptr) result.log_sums[r * result.n_head] = tile.largest[r] + __builtin_logf(tile.sum[r]);
    }
}

template <class T>
struct Call {
    float *out, *log_sums;
    const float* qkv;
    Sequences sequences;
    AttentionShape shape;

    int64_t begin(int64_t b) const { return sequences.offsets[b]; }
    int64_t rows(int64_t b) const { return sequences.offsets[b + 1] - sequences.offsets[b]; }

    // The rows of sequence b in head h of keys and values.
    void append_rows(const Head<T>& head, int64_t b, int64_t h, int64_t filled) const {
        const int64_t keys = (shape.n_head + h) * shape.head_size, values = keys + shape.n_kv_head * shape.head_size;
        for (int64_t t = 0; t < rows(b); ++t) {
            const float* row = qkv + (begin(b) + t) * shape.width();
            append(head, filled + t, row + keys, row + values);
        }
    }

    // Query rows [first, end) of sequence b in head h of queries.
    void attend_rows(const Head<T>& head, int64_t b, int64_t h, int64_t filled, int64_t first, int64_t end, float* scratch) const {
        const int64_t c = shape.n_head * shape.head_size, width = shape.width(), at = h * shape.head_size;
        const float* bias = shape.bias == nullptr ? nullptr : shape.bias + h * (2 * shape.radius + 1);
        for (int64_t t = first; t < end; t += tile_rows) {
            const int64_t row = begin(b) + t, count = min_of(tile_rows, end - t);
            float *scores = scratch, *context = scores + tile_rows * key_block, *largest = context + tile_rows * head.padded;
            const Tile tile{qkv + row * width + at, width, count, filled + t, scores, context, largest, largest + tile_rows, bias};
            const Result result{out + row * c + at, c, log_sums ? log_sums + row * shape.n_head + h : nullptr, shape.n_head};
            attend_tile(result, tile, head, filled + rows(b), shape);
        }
    }
};

// head_of(b, h) is head h of keys and values of sequence b, filled(b) how many rows it has already.
template <class T, class HeadOf, class Filled>
void run(const Call<T>& call, const HeadOf& head_of, const Filled& filled) {
    const int64_t n_head = call.shape.n_head, n_kv_head = call.shape.n_kv_head, sharing = n_head / n_kv_head;
    const int64_t padded = ceil_div(call.shape.head_size, panel) * panel;
    int64_t longest = 0;
    for (int64_t b = 0; b < call.sequences.count; ++b) longest = max_of(longest, call.rows(b));
    const int64_t n_heads = call.sequences.count * n_head, chunks = ceil_div(longest, chunk_rows);
    const auto append_task = [&](int64_t i) {
        const int64_t b = i / n_kv_head, h = i % n_kv_head;
        call.append_rows(head_of(b, h), b, h, filled(b));
    };
    const bool together = chunks == 1 && sharing == 1;  // then the task that attends is the only one to need what it appends
    if (!together) parallel_for(call.sequences.count * n_kv_head, append_task);
    const int slots = thread_count();
    const Scratch scratch(tile_rows * (key_block + padded + 2) * 4, slots);
    parallel_for(n_heads * chunks, slots, [&](int64_t task, int slot) {
        const int64_t i = task / chunks, b = i / n_head, h = i % n_head, first = task % chunks * chunk_rows;
        if (together) append_task(i);
        call.attend_rows(head_of(b, h / sharing), b, h, filled(b), first, min_of(call.rows(b), first + chunk_rows), scratch.get<float>(slot));
    });
}

template <class T>
void run_cached(const Call<T>& call, const AttentionCache& cache) {
    const AttentionShape& shape = call.shape;
    const int64_t padded = ceil_div(shape.head_size, panel) * panel;
    const auto head_of = [&](int64_t b, int64_t h) {
        const int64_t row = (b * shape.n_kv_head + h) * cache.capacity;
        return Head<T>{static_cast<T*>(cache.keys) + row * shape.head_size, static_cast<T*>(cache.values) + row * padded,
                       shape.head_size, padded};
    };
    run(call, head_of, [&](int64_t b) { return static_cast<int64_t>(cache.lengths[b]); });
}

// Each sequence begins at a multiple of 16 rows of the temporary cache: 16 rows more for each are always enough.
void run_uncached(const Call<float>& call) {
    const AttentionShape& shape = call.shape;
    const Sequences& sequences = call.sequences;
    const int64_t padded = ceil_div(shape.head_size, panel) * panel;
    const auto begin_of = [&](int64_t b) { return ceil_div(sequences.offsets[b] + panel * b, panel) * panel; };
    const int64_t total = begin_of(sequences.count) + panel;
    const Scratch keys(shape.n_kv_head * total * shape.head_size * 4), values(shape.n_kv_head * total * padded * 4);
    const auto head_of = [&](int64_t b, int64_t h) {
        const int64_t row = h * total + begin_of(b);
        return Head<float>{keys.get<float>() + row * shape.head_size, values.get<float>() + row * padded, shape.head_size, padded};
    };
    run(call, head_of, [](int64_t) { return int64_t{0}; });
}

}  // namespace

void attention(float* out, float* log_sums, const float* qkv, const AttentionCache* cache, Sequences sequences,
               AttentionShape shape) {
    if (sequences.count == 0 || shape.n_head * shape.head_size == 0) return;
    if (cache == nullptr) return run_uncached({out, log_sums, qkv, sequences, shape});
    if (cache->half) return run_cached<Float16>({out, log_sums, qkv, sequences, shape}, *cache);
    run_cached<float>({out, log_sums, qkv, sequences, shape}, *cache);
}

}  // namespace hornbook::HORNBOOK_VARIANT
