// Cross-entropy straight from hidden states: N x V logits never exist at once.
//
// Blocks of rows: logits = x table^T, then the loss of each row, then in place the derivative of the logits, from which dx and
// dtable are made at once. So the logits are computed once, not twice, and only one block of them is kept.
#include "product.h"
#include "rows.h"
#include "vector_math.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// 256 rows of 50257 logits are 51 MB, and enough rows for the products to be limited by arithmetic.
constexpr int64_t block_floats = int64_t{256} * 50304;

// At most 256 rows, fewer if a vocabulary is enormous. Rows are independent, so this decides nothing about a loss.
int64_t rows_per_block(int64_t v) {
    const int64_t rows = block_floats / max_of(1, v);
    return rows < 8 ? 8 : rows > 256 ? 256 : rows;
}

// The loss of one row; with dlogits, turns the logits into (softmax - one hot) * dloss.
float finish_logits(float* logits, int32_t target, const float* dloss, int64_t v) {
    if (target < 0) {
        if (dloss != nullptr) std::memset(logits, 0, static_cast<size_t>(v) * sizeof(float));
        return 0.0f;
    }
    const float largest = largest_of_row(logits, v), chosen = logits[target];
    const auto exponential = [&](int64_t i, auto read) { return exp(read(logits + i) - splat(largest)); };
    if (dloss == nullptr) return largest - chosen + __builtin_logf(sum_row(v, exponential));
    map_row(logits, v, exponential);
    const float sum = sum_row(v, [&](int64_t i, auto read) { return read(logits + i); });
    const Vec scale = splat(*dloss / sum);
    map_row(logits, v, [&](int64_t i, auto read) { return read(logits + i) * scale; });
    logits[target] -= *dloss;
    return largest - chosen + __builtin_logf(sum);
}

}  // namespace

void cross_entropy(float* losses, float* dx, float* dtable, const float* dlosses, const float* x, const float* table,
                   const int32_t* targets, int64_t n, int64_t v, int64_t c) {
    const int64_t height = min_of(n, rows_per_block(v));
    const Scratch logits(height * v * 4);
    float* block = logits.get<float>();
    const bool backward = dx != nullptr;
    if (backward) std::memset(dtable, 0, static_cast<size_t>(n == 0 ? v * c : 0) * sizeof(float));
    for (int64_t first = 0; first < n; first += height) {
        const int64_t rows = min_of(height, n - first);
        matmul(block, {x + first * c, c, 1}, {table, 1, c}, false, rows, c, v);
        parallel_for(rows, [&](int64_t r) {
            const float* dloss = backward ? dlosses + first + r : nullptr;
            losses[first + r] = finish_logits(block + r * v, targets[first + r], dloss, v);
        });
        if (!backward) continue;
        matmul(dx + first * c, {block, v, 1}, {table, c, 1}, false, rows, v, c);
        matmul(dtable, {block, 1, v}, {x + first * c, c, 1}, first > 0, v, rows, c);
    }
}

}  // namespace hornbook::HORNBOOK_VARIANT
