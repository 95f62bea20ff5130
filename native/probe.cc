// What the machine can do at best, to quote other speeds against. Reading is measured with squared_norm, which reads once.
#include "parallel.h"
#include "tile.h"

namespace hornbook::HORNBOOK_VARIANT {

// Each of `n_threads` tasks runs `rounds` of 24 independent multiply-adds on registers (AVX2 and the baseline keep 12).
int64_t multiply_adds(float* out, int64_t rounds, int64_t n_threads) {
    constexpr int chains = lanes == 16 ? 24 : 12;
    parallel_for(n_threads, [&](int64_t task) {
        Vec sum[chains];
        for (int i = 0; i < chains; ++i) sum[i] = splat(static_cast<float>(i));
        Vec factor = splat(0.999f), term = splat(0.001f);
        for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
            for (int i = 0; i < chains; ++i) sum[i] = multiply_add(sum[i], factor, term);
        }
        for (int i = 1; i < chains; ++i) sum[0] = sum[0] + sum[i];
        out[task] = sum_of_lanes(sum[0]);
    });
    return 2 * chains * lanes * rounds * n_threads;
}

}  // namespace hornbook::HORNBOOK_VARIANT
