// The kernels without Python: against plain loops in float64, between guard pages, at any alignment.
//
// Every buffer ends at a page that may not be touched, or begins after one, or is shifted by a few bytes; sizes run from 0 to 130.
// A kernel that reads or writes one element too many is killed on the spot. Prints one line for each instruction set that can run.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bpe_training.h"
#include "cpu.h"
#include "parallel.h"
#include "testing.h"

namespace {

using namespace hornbook;

// Numbers in [-1, 1), the same at each run; written by memcpy because a buffer may be misaligned.
struct Numbers : Guarded<float> {
    Numbers(int64_t count, uint64_t seed) : Guarded<float>(count) {
        uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
        for (int64_t i = 0; i < count; ++i) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const float value = static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-31f;
            std::memcpy(static_cast<float*>(*this) + i, &value, sizeof value);
        }
    }
};

float at(const float* data, int64_t i) {
    float value;
    std::memcpy(&value, data + i, sizeof value);
    return value;
}

bool near(double got, double expected, double tolerance) { return std::fabs(got - expected) <= tolerance; }

// ---- one function for each family; each returns the bits of its results -------------------------------------------------------

using Bits = std::vector<char>;

void append(Bits& to, const Bits& more) { to.insert(to.end(), more.begin(), more.end()); }

Bits test_linear(const Kernels& k, int64_t size, WeightType type) {
    // Every other size is tripled, past one block of 256 inputs.
    const int64_t n = 1 + size % 11, inputs = size % 2 == 0 ? size : 3 * size, m = (size * 7 + 3) % 131;
    const Numbers x(n * inputs, 1), w(inputs * m, 2), bias(m, 3), residual(n * m, 4);
    Guarded<char> panels(packed_bytes(type, inputs, m));
    Guarded<float> scales(scale_count(type, inputs, m)), seen(inputs * m), out(n * m);
    k.pack(panels, scales, {w, m, 1}, type, inputs, m);
    const Packed packed{type, inputs, m, panels, scales};
    k.unpack(seen, packed);
    k.linear(out, x, packed, {bias, Activation::relu, residual}, n);
    for (int64_t r = 0; r < n; ++r)
        for (int64_t c = 0; c < m; ++c) {
            double sum = at(bias, c);
            for (int64_t i = 0; i < inputs; ++i) sum += double{at(x, r * inputs + i)} * at(seen, i * m + c);
            const double expected = (sum > 0 ? sum : 0) + at(residual, r * m + c);
            check(near(at(out, r * m + c), expected, 1e-6 * static_cast<double>(inputs + 2) + (type == WeightType::int8 ? 4e-3 : 0)),
                  "linear", size);
        }
    Bits bits = out.bytes();
    for (int64_t r = 0; r < n; ++r) {  // each row alone
        Guarded<float> row(m);
        k.linear(row, x + r * inputs, packed, {bias, Activation::relu, residual + r * m}, 1);
        check(std::memcmp(row, out + r * m, static_cast<size_t>(m) * 4) == 0, "linear, a row alone", size);
    }
    return bits;
}

Bits test_matmul(const Kernels& k, int64_t size) {
    const int64_t m = size, inner = (size * 5 + 1) % 131, n = (size * 3 + 7) % 131;
    const Numbers a(inner * m, 1), b(inner * n, 2);
    Guarded<float> out(m * n);
    k.matmul(out, {a, 1, m}, {b, n, 1}, false, m, inner, n);
    k.matmul(out, {a, 1, m}, {b, n, 1}, true, m, inner, n);
    for (int64_t i = 0; i < m * n; i += 1 + i % 3) {
        double sum = 0;
        for (int64_t j = 0; j < inner; ++j) sum += 2.0 * at(a, j * m + i / n) * at(b, j * n + i % n);
        check(near(at(out, i), sum, 1e-6 * static_cast<double>(inner + 2)), "matmul", size);
    }
    return out.bytes();
}

Bits test_attention(const Kernels& k, int64_t size, bool causal) {
    const int64_t heads = 2, d = 1 + size % 19, c = heads * d, split = size / 3;
    const Numbers qkv(size * 3 * c, 1), grad(size * c, 2);
    Guarded<float> out(size * c), log_sums(size * heads), dqkv(size * 3 * c);
    Guarded<int32_t> offsets(3);
    const int32_t bounds[] = {0, static_cast<int32_t>(split), static_cast<int32_t>(size)};
    std::memcpy(offsets, bounds, sizeof bounds);
    k.attention(out, log_sums, qkv, nullptr, {offsets, 2}, {heads, heads, d, causal, 0.7f});
    k.attention_backward(dqkv, grad, qkv, out, log_sums, {offsets, 2}, {heads, heads, d, causal, 0.7f});
    for (int64_t row = 0; row < size; ++row) {
        const int64_t begin = row < split ? 0 : split, end = causal ? row + 1 : row < split ? split : size, h = row % heads;
        std::vector<double> sums(static_cast<size_t>(d));
        double total = 0;
        for (int64_t key = begin; key < end; ++key) {
            double score = 0;
            for (int64_t i = 0; i < d; ++i) score += double{at(qkv, row * 3 * c + h * d + i)} * at(qkv, key * 3 * c + c + h * d + i);
            const double weight = std::exp(0.7f * score);
            total += weight;
            for (int64_t i = 0; i < d; ++i) sums[static_cast<size_t>(i)] += weight * at(qkv, key * 3 * c + 2 * c + h * d + i);
        }
        for (int64_t i = 0; i < d; ++i)
            check(near(at(out, row * c + h * d + i), sums[static_cast<size_t>(i)] / total, 2e-5), "attention", size);
        check(near(at(log_sums, row * heads + h), std::log(total), 2e-5), "attention, log sums", size);
    }
    Bits bits = out.bytes();
    append(bits, dqkv.bytes());
    return bits;
}

// Six heads of queries on two of keys and values, with a bias by distance.
Bits test_shared_heads(const Kernels& k, int64_t size, bool causal) {
    const int64_t heads = 6, shared = 2, d = 1 + size % 11, c = heads * d, width = (heads + 2 * shared) * d, radius = size % 5;
    const Numbers qkv(size * width, 1), bias(heads * (2 * radius + 1), 2);
    Guarded<float> out(size * c);
    const int32_t offsets[] = {0, static_cast<int32_t>(size)};
    k.attention(out, nullptr, qkv, nullptr, {offsets, 1}, {heads, shared, d, causal, 0.7f, bias, radius});
    for (int64_t row = 0; row < size; ++row) {
        const int64_t h = row % heads, keys = (heads + h / 3) * d, values = keys + shared * d;
        std::vector<double> sums(static_cast<size_t>(d));
        double total = 0;
        for (int64_t key = 0; key < (causal ? row + 1 : size); ++key) {
            const int64_t distance = std::max(-radius, std::min(radius, key - row));
            double score = 0;
            for (int64_t i = 0; i < d; ++i) score += double{at(qkv, row * width + h * d + i)} * at(qkv, key * width + keys + i);
            const double weight = std::exp(0.7f * score + at(bias, h * (2 * radius + 1) + radius + distance));
            total += weight;
            for (int64_t i = 0; i < d; ++i) sums[static_cast<size_t>(i)] += weight * at(qkv, key * width + values + i);
        }
        for (int64_t i = 0; i < d; ++i)
            check(near(at(out, row * c + h * d + i), sums[static_cast<size_t>(i)] / total, 2e-5), "attention, shared heads", size);
    }
    return out.bytes();
}

Bits test_cache(const Kernels& k, int64_t size, bool half, int64_t heads, int64_t shared) {
    const int64_t d = 1 + size % 19, c = heads * d, capacity = (size + 15) / 16 * 16, first = size / 2;
    const int64_t width = (heads + 2 * shared) * d, padded = (d + 15) / 16 * 16, item = half ? 2 : 4, radius = size % 5;
    const Numbers qkv(size * width, 1), bias(heads * (2 * radius + 1), 2);
    Guarded<char> keys(shared * capacity * d * item), values(shared * capacity * padded * item);
    AttentionShape shape{heads, shared, d, true, 0.7f};
    if (heads != shared) shape.bias = bias, shape.radius = radius;
    Guarded<float> out(size * c), whole(size * c);
    int32_t length = 0;
    for (const int64_t end : {first, size}) {
        const int32_t offsets[] = {0, static_cast<int32_t>(end - length)};
        const AttentionCache cache{keys, values, half, capacity, &length};
        k.attention(out + length * c, nullptr, qkv + length * width, &cache, {offsets, 1}, shape);
        length = static_cast<int32_t>(end);
    }
    const int32_t offsets[] = {0, length};
    k.attention(whole, nullptr, qkv, nullptr, {offsets, 1}, shape);
    for (int64_t i = 0; i < size * c; ++i)
        check(half ? near(at(out, i), at(whole, i), 5e-3) : at(out, i) == at(whole, i), "attention with a cache", size);
    return out.bytes();
}

Bits test_rows(const Kernels& k, int64_t size) {
    const int64_t n = 3, c = size;
    const Numbers x(n * c, 1), weight(c, 2), bias(c, 3), grad(n * c, 4);
    Guarded<float> out(n * c), dx(n * c), dweight(c), dbias(c), soft(n * c);
    k.layer_norm(out, x, weight, bias, 1e-5f, n, c);
    k.layer_norm_backward(dx, dweight, dbias, grad, x, weight, 1e-5f, n, c);
    k.softmax(soft, x, false, n, c);
    for (int64_t r = 0; r < n; ++r) {
        double mean = 0, square = 0, total = 0;
        for (int64_t i = 0; i < c; ++i) mean += at(x, r * c + i) / static_cast<double>(c);
        for (int64_t i = 0; i < c; ++i) square += std::pow(at(x, r * c + i) - mean, 2) / static_cast<double>(c);
        for (int64_t i = 0; i < c; ++i) total += std::exp(double{at(x, r * c + i)});
        for (int64_t i = 0; i < c; ++i) {
            const double normalised = (at(x, r * c + i) - mean) / std::sqrt(square + 1e-5);
            check(near(at(out, r * c + i), normalised * at(weight, i) + at(bias, i), 1e-4), "layer_norm", size);
            check(near(at(soft, r * c + i), std::exp(double{at(x, r * c + i)}) / total, 1e-6), "softmax", size);
        }
    }
    Bits bits = out.bytes();
    for (const Guarded<float>* more : {&dx, &dweight, &dbias, &soft}) append(bits, more->bytes());
    k.softmax(soft, x, true, n, c);
    k.softmax_backward(dx, grad, soft, true, n, c);
    k.sum_rows(dbias, grad, n, c);
    for (const Guarded<float>* more : {&dx, &dbias, &soft}) append(bits, more->bytes());
    return bits;
}

Bits test_elements(const Kernels& k, int64_t size) {
    const Numbers x(size, 1), grad(size, 2);
    Guarded<float> out(size), parameter(size), m(size), v(size);
    Bits bits;
    for (const Activation kind : {Activation::relu, Activation::silu, Activation::gelu, Activation::gelu_tanh}) {
        k.activation(out, x, kind, size);
        append(bits, out.bytes());
        k.activation_backward(out, grad, x, kind, size);
        append(bits, out.bytes());
    }
    k.exp(out, x, size);
    for (int64_t i = 0; i < size; ++i) check(near(at(out, i), std::exp(double{at(x, i)}), 4e-7), "exp", size);
    k.tanh(out, x, size);
    for (int64_t i = 0; i < size; ++i) check(near(at(out, i), std::tanh(double{at(x, i)}), 2e-7), "tanh", size);
    k.erf(out, x, size);
    for (int64_t i = 0; i < size; ++i) check(near(at(out, i), std::erf(double{at(x, i)}), 2e-7), "erf", size);
    for (float* zeroed : {static_cast<float*>(parameter), static_cast<float*>(m), static_cast<float*>(v)})
        std::memset(zeroed, 0, static_cast<size_t>(size) * 4);
    k.adamw(parameter, m, v, grad, {0.1, 0.9, 0.99, 1e-8, 0.0, 1.0, 1}, size);
    for (int64_t i = 0; i < size; ++i)  // the first step is the rate times the sign of the gradient
        check(near(at(parameter, i), at(grad, i) > 0 ? -0.1 : 0.1, 1e-5), "adamw", size);
    append(bits, parameter.bytes());
    double square = 0;
    for (int64_t i = 0; i < size; ++i) square += double{at(x, i)} * at(x, i);
    check(near(k.squared_norm(x, size), square, 1e-5), "squared_norm", size);
    return bits;
}

Bits test_lookup(const Kernels& k, int64_t size) {
    const int64_t v = 13, c = size, n = 7;
    const Numbers table(v * c, 1), grad(n * c, 2), scores(n * (size + 1), 3);
    const int32_t ids[] = {3, 12, 0, 3, 3, 7, 12}, offsets[] = {0, 0, 3, 7};
    Guarded<float> out(n * c), dtable(v * c), pooled(3 * c), best(n * 1);
    Guarded<int64_t> best_ids(n);
    k.embedding(out, table, ids, n, c);
    k.embedding_backward(dtable, grad, ids, v, n, c);
    k.segment_sum(pooled, grad, scores, {offsets, 3}, c);
    k.top_k(best, best_ids, scores, n, size + 1, 1);
    for (int64_t i = 0; i < n * c; ++i) check(at(out, i) == at(table, ids[i / c] * c + i % c), "embedding", size);
    for (int64_t r = 0; r < n; ++r)
        for (int64_t i = 0; i < size + 1; ++i) check(at(best, r) >= at(scores, r * (size + 1) + i), "top_k", size);
    Bits bits = dtable.bytes();
    for (const Guarded<float>* more : {&pooled, &best}) append(bits, more->bytes());
    return bits;
}

Bits test_loss(const Kernels& k, int64_t size) {
    const int64_t n = 5, v = size + 1, c = (size * 3 + 1) % 37;
    const Numbers x(n * c, 1), table(v * c, 2), dlosses(n, 3);
    Guarded<int32_t> targets(n);
    for (int64_t r = 0; r < n; ++r) {
        const int32_t target = r == 2 ? -1 : static_cast<int32_t>(r * 7 % v);
        std::memcpy(static_cast<int32_t*>(targets) + r, &target, sizeof target);
    }
    Guarded<float> losses(n), dx(n * c), dtable(v * c);
    k.cross_entropy(losses, dx, dtable, dlosses, x, table, targets, n, v, c);
    for (int64_t r = 0; r < n; ++r) {
        double total = 0, chosen = 0;
        for (int64_t i = 0; i < v; ++i) {
            double logit = 0;
            for (int64_t j = 0; j < c; ++j) logit += double{at(x, r * c + j)} * at(table, i * c + j);
            total += std::exp(logit);
            if (i == r * 7 % v) chosen = logit;
        }
        check(near(at(losses, r), r == 2 ? 0 : std::log(total) - chosen, 2e-5), "cross_entropy", size);
    }
    Bits bits = losses.bytes();
    append(bits, dx.bytes());
    append(bits, dtable.bytes());
    return bits;
}

Bits run_all(const Kernels& k, int64_t size) {
    Bits bits;
    for (const WeightType type : {WeightType::float32, WeightType::bfloat16, WeightType::int8}) append(bits, test_linear(k, size, type));
    append(bits, test_matmul(k, size));
    for (const bool yes : {false, true}) {
        append(bits, test_attention(k, size, yes));
        append(bits, test_shared_heads(k, size, yes));
        append(bits, test_cache(k, size, yes, 2, 2));
        append(bits, test_cache(k, size, yes, 6, 2));
    }
    append(bits, test_rows(k, size));
    append(bits, test_elements(k, size));
    append(bits, test_lookup(k, size));
    append(bits, test_loss(k, size));
    return bits;
}

// Against merging one word at a time with pairs counted anew for each merge.
void test_merge_learner(int64_t size, Ties ties) {
    std::vector<int32_t> symbols, offsets{0};
    std::vector<int64_t> counts;
    for (int32_t w = 0; w < size; ++w) {
        for (int32_t i = 0; i < w % 11; ++i) symbols.push_back((w * 7 + i * i) % 3);
        offsets.push_back(static_cast<int32_t>(symbols.size()));
        counts.push_back(w % 5);
    }
    std::vector<std::vector<int32_t>> words;
    for (size_t w = 0; w < counts.size(); ++w) words.emplace_back(symbols.begin() + offsets[w], symbols.begin() + offsets[w + 1]);
    MergeLearner learner(symbols, offsets, counts, 3, 2, ties);
    int32_t merged = 3;
    for (const LearnedMerge& merge : learner.learn(size)) {
        std::map<std::pair<int32_t, int32_t>, int64_t> pairs;
        for (size_t w = 0; w < words.size(); ++w)
            for (size_t i = 0; i + 1 < words[w].size(); ++i) pairs[{words[w][i], words[w][i + 1]}] += counts[w];
        const int64_t count = pairs[{merge.left, merge.right}];
        bool is_best = count >= 2;
        for (const auto& [pair, other] : pairs) is_best = is_best && other <= count;
        check(is_best, "the merged pair is the most frequent", size);
        for (std::vector<int32_t>& word : words)
            for (size_t i = 0; i + 1 < word.size(); ++i)
                if (word[i] == merge.left && word[i + 1] == merge.right) {
                    word[i] = merged;
                    word.erase(word.begin() + static_cast<int64_t>(i) + 1);
                }
        ++merged;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int64_t step = argc > 1 ? std::atoi(argv[1]) : 1;  // an emulator takes every third size
    const int64_t placements[] = {flush_end, 0, 1, 4, 60};
    for (int64_t size = 0; size <= 130; size += step)
        for (const Ties ties : {Ties::greater, Ties::older}) test_merge_learner(size, ties);
    for (const std::string& name : available_instruction_sets()) {
        const long before = checks;
        for (int64_t size = 0; size <= 130; size += step) {
            std::vector<Bits> results;
            for (const int64_t shift : placements) {
                placement = shift;
                set_thread_count(shift == 4 ? 3 : 1);
                results.push_back(run_all(*kernels_named(name), size));
                check(results.back() == results.front(), "the same bits at any alignment and number of threads", size);
            }
        }
        std::printf("%s: %ld checks\n", name.c_str(), checks - before);
    }
    std::printf("%ld passed, %ld failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
