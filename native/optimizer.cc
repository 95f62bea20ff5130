// AdamW in one pass over memory, and the squared norm for clipping.
#include <cmath>

#include "memory.h"
#include "parallel.h"
#include "rows.h"

namespace hornbook::HORNBOOK_VARIANT {

namespace {

// A block is one task and one float32 sum: 16 K terms.
constexpr int64_t block_floats = 16384;

struct Rates {
    Vec keep, beta1, rest1, beta2, rest2, step_size, epsilon, inverse_root_correction, gradient_scale;
};

Rates rates_of(const AdamW& s) {
    const double correction1 = 1.0 - std::pow(s.beta1, static_cast<double>(s.step));
    const double correction2 = 1.0 - std::pow(s.beta2, static_cast<double>(s.step));
    const auto vec = [](double value) { return splat(static_cast<float>(value)); };
    return {vec(1.0 - s.learning_rate * s.weight_decay), vec(s.beta1), vec(1.0 - s.beta1), vec(s.beta2),
            vec(1.0 - s.beta2), vec(s.learning_rate / correction1), vec(s.epsilon), vec(1.0 / std::sqrt(correction2)),
            vec(s.gradient_scale)};
}

}  // namespace

// g = gradient * scale;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
// parameter = parameter (1 - lr decay) - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
void adamw(float* parameter, float* m, float* v, const float* gradient, AdamW settings, int64_t n) {
    const Rates s = rates_of(settings);
    const auto update = [&](int64_t i, auto read, auto write) {
        const Vec g = read(gradient + i) * s.gradient_scale;
        const Vec mean = multiply_add(read(m + i), s.beta1, g * s.rest1);
        const Vec square = multiply_add(read(v + i), s.beta2, g * g * s.rest2);
        const Vec root = multiply_add(square_root(square), s.inverse_root_correction, s.epsilon);
        write(m + i, mean);
        write(v + i, square);
        write(parameter + i, read(parameter + i) * s.keep - s.step_size * mean / root);
    };
    parallel_for(ceil_div(n, block_floats), [&](int64_t block) {
        int64_t i = block * block_floats;
        const int64_t end = min_of(n, i + block_floats);
        for (; i + lanes <= end; i += lanes)
            update(i, [](const float* p) { return load(p); }, [](float* p, Vec value) { store(p, value); });
        const int64_t rest = end - i;
        if (rest > 0)
            update(i, [rest](const float* p) { return load_first(p, rest); },
                   [rest](float* p, Vec value) { store_first(p, value, rest); });
    });
}

double squared_norm(const float* x, int64_t n) {
    const int64_t blocks = ceil_div(n, block_floats);
    const Scratch sums(blocks * 4);
    parallel_for(blocks, [&](int64_t block) {
        const float* from = x + block * block_floats;
        sums.get<float>()[block] = sum_row(min_of(block_floats, n - block * block_floats), [&](int64_t i, auto read) {
            const Vec value = read(from + i);
            return value * value;
        });
    });
    double total = 0.0;
    for (int64_t block = 0; block < blocks; ++block) total += static_cast<double>(sums.get<float>()[block]);
    return total;
}

}  // namespace hornbook::HORNBOOK_VARIANT
