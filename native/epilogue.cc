// What follows a matrix product, while its rows are still in the cache: bias, activation, residual.
#include "product.h"
#include "vector_math.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// One row; the pointers stand at the first column, and bias and residual may be null.
template <class Tag>
void finish_row(float* out, const float* sums, const float* bias, const float* residual, int64_t count, Tag tag) {
    const auto finish = [&](Vec v, int64_t i, auto read) {
        if (bias != nullptr) v = v + read(bias + i);
        v = activate<tag.value>(v);
        return residual != nullptr ? v + read(residual + i) : v;
    };
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) store(out + i, finish(load(sums + i), i, [](const float* p) { return load(p); }));
    const int64_t rest = count - i;
    if (rest > 0) {
        const auto read = [rest](const float* p) { return load_first(p, rest); };
        store_first(out + i, finish(read(sums + i), i, read), rest);
    }
}

}  // namespace

void finish_rows(float* out, const float* sums, int64_t sums_stride, const Epilogue& epilogue, int64_t first_row, int64_t rows,
                 int64_t first_column, int64_t count, int64_t m) {
    const bool nothing = epilogue.bias == nullptr && epilogue.residual == nullptr && epilogue.activation == Activation::none;
    if (nothing && sums == out + first_row * m + first_column) return;
    with_activation(epilogue.activation, [&](auto tag) {
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t at = (first_row + r) * m + first_column;
            finish_row(out + at, sums + r * sums_stride, epilogue.bias ? epilogue.bias + first_column : nullptr,
                       epilogue.residual ? epilogue.residual + at : nullptr, count, tag);
        }
    });
}

}  // namespace hornbook::HORNBOOK_VARIANT
