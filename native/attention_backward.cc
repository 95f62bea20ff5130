// The gradient of attention, without a T x T matrix: the weights are computed again, 64 x 64 at a time, from the logarithms of
// their sums that the forward pass kept (Dao et al., "FlashAttention", 2022, section 3.1 and appendix B).
//
//   P = e^(scale Q K^T - L)    dV = P^T dO    dP = dO V^T    dS = P (dP - delta) scale    dQ = dS K    dK = dS^T Q
//   with delta = the sum of dO * O over a row, which equals the sum of dP * P.
//
// One task is one head of one sequence, so no two threads add to the same sum.
#include "attention.h"
#include "rows.h"
#include "vector_math.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

constexpr int64_t side = 64;  // of a block of weights

// The working memory of one task: matrices [T, P] with P = ceil(D/16) * 16, and blocks.
struct Workspace {
    float *q, *k, *v, *dout, *dq, *dk, *dv;         // [T, P]
    float *keys, *values;                           // [D, 64]: a block of K and V, transposed
    float *weights, *dscores;                       // [64, 64]
    float *log_sums, *delta;                        // [T]

    static int64_t floats(int64_t t, int64_t padded) { return 7 * t * padded + 2 * padded * side + 2 * side * side + 2 * t; }

    Workspace(float* at, int64_t t, int64_t padded) {
        const int64_t matrix = t * padded;
        q = at;
        k = q + matrix;
        v = k + matrix;
        dout = v + matrix;
        dq = dout + matrix;
        dk = dq + matrix;
        dv = dk + matrix;
        keys = dv + matrix;
        values = keys + padded * side;
        weights = values + padded * side;
        dscores = weights + side * side;
        log_sums = dscores + side * side;
        delta = log_sums + t;
    }
};

struct Problem {
    int64_t t, size, padded;  // rows, D, P
    bool causal;
    float scale;
};

// to[rows, P] = from, filled up with zeros.
void copy_in(float* to, const float* from, int64_t stride, const Problem& p) {
    for (int64_t i = 0; i < p.t; ++i) {
        std::memcpy(to + i * p.padded, from + i * stride, static_cast<size_t>(p.size) * sizeof(float));
        for (int64_t d = p.size; d < p.padded; ++d) to[i * p.padded + d] = 0.0f;
    }
}

void copy_out(float* to, int64_t stride, const float* from, const Problem& p) {
    for (int64_t i = 0; i < p.t; ++i)
        std::memcpy(to + i * stride, from + i * p.padded, static_cast<size_t>(p.size) * sizeof(float));
}

// to[D, 64] = rows[count, P] transposed, filled up with zeros.
void transpose_block(float* to, const float* rows, int64_t count, const Problem& p) {
    for (int64_t d = 0; d < p.size; ++d)
        for (int64_t j = 0; j < side; ++j) to[d * side + j] = j < count ? rows[j * p.padded + d] : 0.0f;
}

// Weights and derivatives of scores for query rows [i, i + n_rows) and keys [j, j + n_keys).
void score_block(const Workspace& w, const Problem& p, int64_t i, int64_t n_rows, int64_t j, int64_t n_keys) {
    const int64_t panels = ceil_div(n_keys, panel);
    multiply_rows(w.weights, side, Rows<float>{w.q + i * p.padded, p.padded}, Right<float>{w.keys, side, panel}, n_rows, panels,
                  p.size, false);
    multiply_rows(w.dscores, side, Rows<float>{w.dout + i * p.padded, p.padded}, Right<float>{w.values, side, panel}, n_rows, panels,
                  p.size, false);
    for (int64_t r = 0; r < n_rows; ++r) {
        float *weight = w.weights + r * side, *dscore = w.dscores + r * side;
        const Vec log_sum = splat(w.log_sums[i + r]), delta = splat(w.delta[i + r]), scale = splat(p.scale);
        for (int64_t c = 0; c < panels * panel; c += lanes) {
            const Vec e = exp(load(weight + c) * scale - log_sum);
            store(weight + c, e);
            store(dscore + c, e * (load(dscore + c) - delta) * scale);
        }
        const int64_t visible = p.causal ? min_of(n_keys, i + r + 1 - j) : n_keys;
        for (int64_t c = max_of(0, visible); c < panels * panel; ++c) weight[c] = dscore[c] = 0.0f;
    }
}

void backward_block(const Workspace& w, const Problem& p, int64_t i, int64_t j) {
    const int64_t n_rows = min_of(side, p.t - i), n_keys = min_of(side, p.t - j), panels = p.padded / panel;
    score_block(w, p, i, n_rows, j, n_keys);
    const auto rows_of = [&](const float* matrix, int64_t row) { return Right<float>{matrix + row * p.padded, p.padded, panel}; };
    multiply_rows(w.dv + j * p.padded, p.padded, Columns<float>{w.weights, side}, rows_of(w.dout, i), n_keys, panels, n_rows, true);
    multiply_rows(w.dk + j * p.padded, p.padded, Columns<float>{w.dscores, side}, rows_of(w.q, i), n_keys, panels, n_rows, true);
    multiply_rows(w.dq + i * p.padded, p.padded, Rows<float>{w.dscores, side}, rows_of(w.k, j), n_rows, panels, n_keys, true);
}

void backward_head(const Workspace& w, const Problem& p) {
    std::memset(w.dq, 0, static_cast<size_t>(3 * p.t * p.padded) * sizeof(float));  // dq, dk and dv lie together
    for (int64_t j = 0; j < p.t; j += side) {
        const int64_t n_keys = min_of(side, p.t - j);
        transpose_block(w.keys, w.k + j * p.padded, n_keys, p);
        transpose_block(w.values, w.v + j * p.padded, n_keys, p);
        for (int64_t i = p.causal ? j : 0; i < p.t; i += side) backward_block(w, p, i, j);
    }
}

}  // namespace

void attention_backward(float* dqkv, const float* dout, const float* qkv, const float* out, const float* log_sums,
                        Sequences sequences, AttentionShape shape) {
    const int64_t size = shape.head_size, c = shape.n_head * size, padded = ceil_div(size, panel) * panel;
    int64_t longest = 0;
    for (int64_t b = 0; b < sequences.count; ++b)
        longest = max_of(longest, sequences.offsets[b + 1] - sequences.offsets[b]);
    const int slots = thread_count();
    const Scratch scratch(Workspace::floats(longest, padded) * 4, slots);
    parallel_for(sequences.count * shape.n_head, slots, [&](int64_t task, int slot) {
        const int64_t h = task % shape.n_head, begin = sequences.offsets[task / shape.n_head];
        const Problem p{sequences.offsets[task / shape.n_head + 1] - begin, size, padded, shape.causal, shape.scale};
        const Workspace w(scratch.get<float>(slot), p.t, padded);
        const float* rows = qkv + begin * 3 * c + h * size;
        copy_in(w.q, rows, 3 * c, p);
        copy_in(w.k, rows + c, 3 * c, p);
        copy_in(w.v, rows + 2 * c, 3 * c, p);
        copy_in(w.dout, dout + begin * c + h * size, c, p);
        for (int64_t i = 0; i < p.t; ++i) {
            const float *d = dout + (begin + i) * c + h * size, *o = out + (begin + i) * c + h * size;
            w.delta[i] = sum_row(size, [&](int64_t at, auto read) { return read(d + at) * read(o + at); });
            w.log_sums[i] = log_sums[(begin + i) * shape.n_head + h];
        }
        backward_head(w, p);
        float* drows = dqkv + begin * 3 * c + h * size;
        copy_out(drows, 3 * c, w.dq, p);
        copy_out(drows + c, 3 * c, w.dk, p);
        copy_out(drows + 2 * c, 3 * c, w.dv, p);
    });
}

}  // namespace hornbook::HORNBOOK_VARIANT
