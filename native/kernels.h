// Hornbook's kernels: the whole public surface, as one table of functions for each instruction set.
//
// Plain pointers and sizes; outputs first, inputs next, sizes last. Matrices are row-major float32 unless said otherwise.
// Kernels know neither Python nor any model and check nothing: callers do (bindings.cc). Outputs do not overlap inputs
// unless said. Any size may be 0. All may throw std::bad_alloc, and nothing else.
//
// Fixed order of additions: every output row is computed by the same sequence of operations whatever the number of rows,
// threads or neighbours, so a sequence gives the same bits alone and in a batch. Instruction sets may differ from each other.
#pragma once

#include <cstdint>

namespace hornbook {

enum class Activation { none, relu, silu, gelu, gelu_tanh };

enum class WeightType { float32, bfloat16, int8 };

// Columns of a weight lie in panels of 16, one panel after the other, the last one filled up with zeros:
//   float32, bfloat16   [ceil(M/16), K, 16]
//   int8                [ceil(M/16), ceil(K/2), 16, 2]: two inputs side by side for each column, and
//                       scales [ceil(M/16), ceil(K/256), 16]: one for each column of a block of 256 inputs
// so that a product reads every weight once, in order, whatever the width of a register.
constexpr int64_t panel_width = 16, scale_block = 256;

// A weight W[K,M] packed once, when it is loaded.
struct Packed {
    WeightType type;
    int64_t n_inputs, n_outputs;  // K, M
    const void* panels;
    const float* scales;  // int8 only
};

// A float32 matrix with any strides, counted in elements; transposing is swapping them.
struct Matrix {
    const float* data;
    int64_t row_stride, column_stride;
};

// What follows a matrix product, in this order; null pointers are left out.
struct Epilogue {
    const float* bias;  // [M]
    Activation activation;
    const float* residual;  // [N,M]
};

// B sequences lie one after the other in N rows; sequence b is rows offsets[b] to offsets[b+1].
struct Sequences {
    const int32_t* offsets;  // [B+1]
    int64_t count;           // B
};

struct AttentionShape {
    int64_t n_head, n_kv_head, head_size;  // H, KV, D: H / KV neighbouring heads of queries share one of keys and values
    bool causal;
    float scale;
    const float* bias = nullptr;  // null, or [H, 2 R + 1]: added to the scaled score of a key s - t = -R .. R rows away, and
    int64_t radius = 0;           // R; the first and the last hold for what is further away

    int64_t width() const { return (n_head + 2 * n_kv_head) * head_size; }  // of a row of queries, keys and values
};

// Keys and values of rows that were seen before, for B sequences. With P = ceil(D/16) * 16:
//   keys   [B, KV, capacity/16, D, 16]: 16 keys side by side, so that 16 scores grow without sums across lanes
//   values [B, KV, capacity, P]: each row filled up to whole panels
// capacity is a multiple of 16. Either all float32 or all float16.
struct AttentionCache {
    void *keys, *values;
    bool half;
    int64_t capacity;
    const int32_t* lengths;  // [B]: rows already there; the kernel appends after them and does not change the lengths
};

struct AdamW {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double gradient_scale;  // the gradient is multiplied with it first: clipping without another pass
    int64_t step;          // 1 at the first call
};

struct Kernels {
    const char* name;

    // ---- gemm.cc, gemv.cc, quantize.cc: products ----

    // out[N,M] = activation(x[N,K] W + bias) + residual
    void (*linear)(float* out, const float* x, const Packed& weight, const Epilogue& epilogue, int64_t n);

    // the same, with the same bits, from a float32 weight[K,M] that was not packed, as in training
    void (*linear_unpacked)(float* out, const float* x, Matrix weight, const Epilogue& epilogue, int64_t n, int64_t k, int64_t m);

    // out[M,N] = a[M,K] b[K,N], or is added to out
    void (*matmul)(float* out, Matrix a, Matrix b, bool accumulate, int64_t m, int64_t k, int64_t n);

    // panels and scales, of packed_bytes() and scale_count() size, from a weight[K,M]
    void (*pack)(void* panels, float* scales, Matrix weight, WeightType type, int64_t k, int64_t m);

    // out[K,M]: the weight as the product sees it
    void (*unpack)(float* out, const Packed& weight);

    // out[N,K]: row n is column ids[n] of W: an embedding looked up in the packed output projection
    void (*packed_columns)(float* out, const Packed& weight, const int32_t* ids, int64_t n);

    // ---- attention.cc ----

    // out[N,H*D] = softmax(scale Q K^T + bias) V for each head of each sequence of qkv[N,(H+2KV)*D]; without a cache (null) the
    // rows see each other, with one also all earlier rows. log_sums[N,H], if not null, gets log sum exp of the scores.
    void (*attention)(float* out, float* log_sums, const float* qkv, const AttentionCache* cache, Sequences sequences,
                      AttentionShape shape);

    // dqkv[N,3C] from dout[N,C], where C = H*D, for KV = H and no bias; out and log_sums are what attention() gave for the
    // same qkv, without a cache
    void (*attention_backward)(float* dqkv, const float* dout, const float* qkv, const float* out, const float* log_sums,
                               Sequences sequences, AttentionShape shape);

    // ---- norm.cc ----

    // out[N,C] = (x - mean) / sqrt(variance + epsilon) * weight[C] + bias[C]; out may be x
    void (*layer_norm)(float* out, const float* x, const float* weight, const float* bias, float epsilon, int64_t n, int64_t c);

    // dx[N,C], dweight[C], dbias[C] from dout[N,C]; dx may be dout
    void (*layer_norm_backward)(float* dx, float* dweight, float* dbias, const float* dout, const float* x, const float* weight,
                                float epsilon, int64_t n, int64_t c);

    // out[C] = the sum over the rows of x[N,C]: the gradient of a bias
    void (*sum_rows)(float* out, const float* x, int64_t n, int64_t c);

    // ---- activation.cc: out may be an input ----

    // out[n] = a + b
    void (*add)(float* out, const float* a, const float* b, int64_t n);

    // out[n] = activation(x)
    void (*activation)(float* out, const float* x, Activation kind, int64_t n);

    // dx[n] = dout * activation'(x)
    void (*activation_backward)(float* dx, const float* dout, const float* x, Activation kind, int64_t n);

    // out[n] = e^x, tanh x, erf x: for tests of their accuracy and for elementwise use
    void (*exp)(float* out, const float* x, int64_t n);
    void (*tanh)(float* out, const float* x, int64_t n);
    void (*erf)(float* out, const float* x, int64_t n);

    // out[N,C] = softmax or its logarithm along each row of x
    void (*softmax)(float* out, const float* x, bool logarithm, int64_t n, int64_t c);

    // dx[N,C] from dout and the output y of softmax (or of its logarithm)
    void (*softmax_backward)(float* dx, const float* dout, const float* y, bool logarithm, int64_t n, int64_t c);

    // ---- embedding.cc ----

    // out[N,C] = table[ids]
    void (*embedding)(float* out, const float* table, const int32_t* ids, int64_t n, int64_t c);

    // dtable[V,C] = the sum of dout[N,C] over the rows with that id, in the order of the rows
    void (*embedding_backward)(float* dtable, const float* dout, const int32_t* ids, int64_t v, int64_t n, int64_t c);

    // out[B,C] = the sum of weights[n] x[n] over each sequence; no weights (null) means ones
    void (*segment_sum)(float* out, const float* x, const float* weights, Sequences sequences, int64_t c);

    // values[N,K] and ids[N,K]: the k largest of each row of scores[N,V], largest first; ties: lower id first; NaN last
    void (*top_k)(float* values, int64_t* ids, const float* scores, int64_t n, int64_t v, int64_t k);

    // ---- loss.cc ----

    // losses[N] = log sum_v e^(x . table[v]) - x . table[target]; 0 where the target is negative. One block of logits exists
    // at a time. If dx[N,C] and dtable[V,C] are not null, the gradients for dlosses[N] are computed from the same logits.
    void (*cross_entropy)(float* losses, float* dx, float* dtable, const float* dlosses, const float* x, const float* table,
                          const int32_t* targets, int64_t n, int64_t v, int64_t c);

    // ---- optimizer.cc ----

    // parameter, m, v [n] are updated in place, in one pass over memory
    void (*adamw)(float* parameter, float* m, float* v, const float* gradient, AdamW settings, int64_t n);

    // the sum of x^2, float64 across blocks
    double (*squared_norm)(const float* x, int64_t n);

    // ---- probe.cc ----

    // keeps n_threads tasks busy with multiply-adds on registers; out[n_threads]; returns how many operations they were
    int64_t (*multiply_adds)(float* out, int64_t rounds, int64_t n_threads);
};

// The kernels of the instruction set in use: HORNBOOK_ISA, or else the best that this processor has. Throws std::invalid_argument
// if HORNBOOK_ISA names none that can run here. The choice is made once.
const Kernels& kernels();

// Bytes of `panels` and number of `scales` of a packed weight [K,M].
int64_t packed_bytes(WeightType type, int64_t k, int64_t m);
int64_t scale_count(WeightType type, int64_t k, int64_t m);

}  // namespace hornbook
