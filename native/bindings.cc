// The Python module hornbook._native: checks arguments (arguments.h), releases Python's lock (gil.h), calls kernels.h.
//
// These three are the only files that know Python. The signatures for readers and type checkers are in src/hornbook/_native.pyi.
#include "bindings.h"

#include "arguments.h"
#include "cpu.h"
#include "gil.h"
#include "memory.h"
#include "parallel.h"
#include "recording.h"

#include <nanobind/stl/string.h>

#include <memory>
#include <optional>

namespace hornbook::python {

namespace {

using nb::handle;

// The kernels of the chosen instruction set; an impossible HORNBOOK_ISA is a ConfigError of whatever is called first.
const Kernels& active() {
    try {
        return kernels();
    } catch (const std::invalid_argument& error) {
        raise("ConfigError", error.what());
    }
}

template <class Body>
void compute(const Body& body) {
    const Kernels& k = active();
    const WithoutLock unlocked;
    body(k);
}

const float* data_or_null(const std::vector<Array>& optional) { return optional.empty() ? nullptr : optional[0].data(); }

// An argument that may be None, as a list of none or one.
std::vector<Array> optional_input(handle value, const Name& name) {
    return value.is_none() ? std::vector<Array>{} : std::vector<Array>{input(value, name)};
}

const Array* pointer_or_null(const std::vector<Array>& optional) { return optional.empty() ? nullptr : &optional[0]; }

Activation activation_named(const std::string& kind) {
    constexpr const char* names[] = {"none", "relu", "silu", "gelu", "gelu_tanh"};
    for (int i = 0; i < 5; ++i)
        if (kind == names[i]) return static_cast<Activation>(i);
    raise("ConfigError", "activation: expected one of none, relu, silu, gelu, gelu_tanh, got '" + kind + "'");
}

// ---- packed weights ---------------------------------------------------------------------------------------------------------

constexpr const char* weight_type_names[] = {"float32", "bfloat16", "int8"};

WeightType weight_type_named(const std::string& name) {
    for (int i = 0; i < 3; ++i)
        if (name == weight_type_names[i]) return static_cast<WeightType>(i);
    raise("ConfigError", "pack: dtype must be one of float32, bfloat16, int8, got '" + name + "'");
}

// Owns the memory of a Packed.
class PackedWeight {
public:
    PackedWeight(WeightType type, int64_t k, int64_t m)
        : panels_(packed_bytes(type, k, m)), scales_(scale_count(type, k, m) * 4),
          packed{type, k, m, panels_.get<void>(), scales_.get<float>()} {}

    void fill(Matrix weight) {
        compute([&](const Kernels& k) {
            k.pack(panels_.get<void>(), scales_.get<float>(), weight, packed.type, packed.n_inputs, packed.n_outputs);
        });
    }
    int64_t bytes() const {
        return packed_bytes(packed.type, packed.n_inputs, packed.n_outputs) +
               4 * scale_count(packed.type, packed.n_inputs, packed.n_outputs);
    }

private:
    Scratch panels_, scales_;

public:
    const Packed packed;
};

Matrix matrix_of(const Array& array) {
    const auto stride = [&](int axis) { return PyArray_STRIDE(array.get(), axis) / 4; };
    return {array.data(), stride(0), stride(1)};
}

Matrix transposed(Matrix m) { return {m.data, m.column_stride, m.row_stride}; }

PackedWeight* pack(handle weight, const std::string& dtype) {
    const Array matrix = strided(weight, {"pack", "weight"});
    check_ndim(matrix, 2, {"pack", "weight"});
    auto packed = std::make_unique<PackedWeight>(weight_type_named(dtype), matrix.size(0), matrix.size(1));
    packed->fill(matrix_of(matrix));
    return packed.release();
}

nb::object unpack(const PackedWeight& weight) {
    const Array out = make({weight.packed.n_inputs, weight.packed.n_outputs});
    compute([&](const Kernels& k) { k.unpack(out.data(), weight.packed); });
    return out.object();
}

nb::object packed_rows(handle weight_, handle ids_, handle out_) {
    const Packed& weight = nb::cast<const PackedWeight&>(weight_).packed;
    const std::vector<int32_t> ids = ids_below(ids_, weight.n_outputs, {"PackedWeight.rows", "ids"});
    const int64_t n = static_cast<int64_t>(ids.size());
    const Array out = output(out_, {n, weight.n_inputs}, "PackedWeight.rows", {});
    compute([&](const Kernels& k) { k.packed_columns(out.data(), weight, ids.data(), n); });
    return out.object();
}

// ---- products ---------------------------------------------------------------------------------------------------------------

// Strided arrays may reach over more memory than they have elements, so NumPy decides.
void check_apart(const Array& out, const Array& strided_input, const char* operation) {
    const nb::object shares = nb::module_::import_("numpy").attr("may_share_memory");
    if (nb::cast<bool>(shares(out.object(), strided_input.object())))
        raise_value(std::string(operation) + ": out overlaps an input");
}

// A weight [K, M]: packed, or an array with any strides.
struct LinearWeight {
    const PackedWeight* packed = nullptr;
    std::vector<Array> array;
    int64_t n_inputs, n_outputs;

    explicit LinearWeight(handle weight) {
        if (nb::isinstance<PackedWeight>(weight)) {
            packed = nb::inst_ptr<PackedWeight>(weight);
            n_inputs = packed->packed.n_inputs;
            n_outputs = packed->packed.n_outputs;
            return;
        }
        array.push_back(strided(weight, {"linear", "weight"}));
        check_ndim(array[0], 2, {"linear", "weight"});
        n_inputs = array[0].size(0);
        n_outputs = array[0].size(1);
    }
};

nb::object linear(handle x_, handle weight_, handle bias_, handle residual_, const std::string& kind, handle out_) {
    const Array x = input(x_, {"linear", "x"});
    check_has_rows(x, {"linear", "x"});
    const LinearWeight weight(weight_);
    if (x.last() != weight.n_inputs)
        raise("ShapeError", "linear: weight expects " + std::to_string(weight.n_inputs) + " input features, got x of shape " +
                                x.text() + "; does n_embd match the checkpoint?");
    const std::vector<Array> bias = optional_input(bias_, {"linear", "bias"}),
                             residual = optional_input(residual_, {"linear", "residual"});
    if (!bias.empty()) check_shape(bias[0], {weight.n_outputs}, {"linear", "bias"});
    const Array out = output(out_, with_last(x, weight.n_outputs), "linear", {&x, pointer_or_null(bias), pointer_or_null(residual)});
    if (!out_.is_none() && weight.packed == nullptr) check_apart(out, weight.array[0], "linear");
    if (!residual.empty()) check_same_shape(residual[0], out, {"linear", "residual"});
    const Epilogue epilogue{data_or_null(bias), activation_named(kind), data_or_null(residual)};
    compute([&](const Kernels& k) {
        if (weight.packed != nullptr) return k.linear(out.data(), x.data(), weight.packed->packed, epilogue, x.rows());
        k.linear_unpacked(out.data(), x.data(), matrix_of(weight.array[0]), epilogue, x.rows(), weight.n_inputs, weight.n_outputs);
    });
    return out.object();
}

nb::object matmul(handle a_, handle b_, bool transpose_a, bool transpose_b, handle out_, bool accumulate) {
    const Array a = strided(a_, {"matmul", "a"}), b = strided(b_, {"matmul", "b"});
    check_ndim(a, 2, {"matmul", "a"});
    check_ndim(b, 2, {"matmul", "b"});
    const int64_t m = a.size(transpose_a), k = a.size(!transpose_a), n = b.size(!transpose_b);
    if (b.size(transpose_b) != k) raise("ShapeError", "matmul: inner sizes differ: a of shape " + a.text() + ", b of shape " + b.text());
    if (accumulate && out_.is_none()) raise_value("matmul: accumulate needs out");
    const Array out = output(out_, {m, n}, "matmul", {});
    if (!out_.is_none()) {
        check_apart(out, a, "matmul");
        check_apart(out, b, "matmul");
    }
    const Matrix left = transpose_a ? transposed(matrix_of(a)) : matrix_of(a);
    const Matrix right = transpose_b ? transposed(matrix_of(b)) : matrix_of(b);
    compute([&](const Kernels& kernels) { kernels.matmul(out.data(), left, right, accumulate, m, k, n); });
    return out.object();
}

// ---- attention --------------------------------------------------------------------------------------------------------------

// n_kv_head is 0 where it is n_head.
AttentionShape attention_shape(const Array& qkv, int64_t n_head, int64_t n_kv_head, bool causal, double scale, const char* operation) {
    check_ndim(qkv, 2, {operation, "qkv"});
    if (n_kv_head == 0) n_kv_head = n_head;
    if (n_head < 1 || n_kv_head < 1 || n_head % n_kv_head != 0)
        raise("ShapeError", std::string(operation) + ": n_kv_head must divide n_head, got " + std::to_string(n_kv_head) + " and " +
                                std::to_string(n_head));
    const int64_t n_heads = n_head + 2 * n_kv_head;
    if (qkv.size(1) % n_heads != 0)
        raise("ShapeError", std::string(operation) + ": qkv of shape " + qkv.text() + " does not split into " + std::to_string(n_head) +
                                " heads of queries and twice " + std::to_string(n_kv_head) + " of keys and values");
    return {n_head, n_kv_head, qkv.size(1) / n_heads, causal, static_cast<float>(scale)};
}

// The bias by distance, [H, 2 R + 1], if there is one; it must live as long as the shape.
std::optional<Array> bias_of(handle bias_, AttentionShape& shape, const char* operation) {
    if (bias_.is_none()) return std::nullopt;
    const Array bias = input(bias_, {operation, "bias"});
    if (bias.ndim() != 2 || bias.size(0) != shape.n_head || bias.size(1) % 2 == 0)
        raise("ShapeError", std::string(operation) + ": bias of shape " + bias.text() + " is not one odd row for each of " +
                                std::to_string(shape.n_head) + " heads");
    shape.bias = bias.data();
    shape.radius = bias.size(1) / 2;
    return bias;
}

Sequences sequences_of(const std::vector<int32_t>& offsets) {
    return {offsets.data(), static_cast<int64_t>(offsets.size()) - 1};
}

nb::object attention(handle qkv_, handle offsets_, int64_t n_head, bool causal, double scale, int64_t n_kv_head, handle bias_,
                     handle out_) {
    const Array qkv = input(qkv_, {"attention", "qkv"});
    AttentionShape shape = attention_shape(qkv, n_head, n_kv_head, causal, scale, "attention");
    const std::optional<Array> bias = bias_of(bias_, shape, "attention");
    const std::vector<int32_t> offsets = offsets_of(offsets_, qkv.size(0), "attention");
    const Array out = output(out_, {qkv.size(0), n_head * shape.head_size}, "attention", {&qkv, bias ? &*bias : nullptr});
    compute([&](const Kernels& k) { k.attention(out.data(), nullptr, qkv.data(), nullptr, sequences_of(offsets), shape); });
    return out.object();
}

int64_t whole_panels(int64_t size) { return (size + panel_width - 1) / panel_width * panel_width; }

nb::tuple cache_shapes(int64_t n_sequences, int64_t n_kv_head, int64_t capacity, int64_t head_size) {
    const int64_t rows = whole_panels(capacity);
    return nb::make_tuple(nb::make_tuple(n_sequences, n_kv_head, rows / panel_width, head_size, panel_width),
                          nb::make_tuple(n_sequences, n_kv_head, rows, whole_panels(head_size)));
}

// Checks that the cache has the layout of cache_shapes() and room for the new rows.
AttentionCache cache_of(const Array& keys, const Array& values, const std::vector<int32_t>& lengths,
                        const std::vector<int32_t>& offsets, const AttentionShape& shape) {
    const int64_t n_sequences = static_cast<int64_t>(offsets.size()) - 1, capacity = values.ndim() == 4 ? values.size(2) : 0;
    const int64_t size = shape.head_size;
    if (capacity % panel_width != 0) raise("ShapeError", "attention_cached: values of shape " + values.text() + "; see cache_shapes");
    check_shape(values, {n_sequences, shape.n_kv_head, capacity, whole_panels(size)}, {"attention_cached", "values"});
    check_shape(keys, {n_sequences, shape.n_kv_head, capacity / panel_width, size, panel_width}, {"attention_cached", "keys"});
    if (lengths.size() + 1 != offsets.size()) raise("ShapeError", "attention_cached: lengths must have one number for each sequence");
    for (size_t b = 0; b < lengths.size(); ++b) {
        const int64_t needed = int64_t{lengths[b]} + offsets[b + 1] - offsets[b];
        if (lengths[b] < 0 || needed > capacity)
            raise("ContextLengthError", "attention_cached: sequence " + std::to_string(b) + " needs " + std::to_string(needed) +
                                            " rows of the cache, it has " + std::to_string(capacity));
    }
    const bool half = PyArray_TYPE(keys.get()) == NPY_FLOAT16;
    return {keys.data<void>(), values.data<void>(), half, capacity, lengths.data()};
}

nb::object attention_cached(handle qkv_, handle offsets_, handle keys_, handle values_, handle lengths_, int64_t n_head,
                            double scale, int64_t n_kv_head, handle bias_, handle out_) {
    constexpr const char* operation = "attention_cached";
    const Array qkv = input(qkv_, {operation, "qkv"});
    AttentionShape shape = attention_shape(qkv, n_head, n_kv_head, true, scale, operation);
    const std::optional<Array> bias = bias_of(bias_, shape, operation);
    const std::vector<int32_t> offsets = offsets_of(offsets_, qkv.size(0), operation), lengths = integers(lengths_, {operation, "lengths"});
    const int type = has_type(keys_.ptr(), NPY_FLOAT16) ? NPY_FLOAT16 : NPY_FLOAT32;
    const Array keys = in_place(keys_, {operation, "keys"}, type), values = in_place(values_, {operation, "values"}, type);
    const AttentionCache cache = cache_of(keys, values, lengths, offsets, shape);
    if (overlap(keys, values) || overlap(keys, qkv) || overlap(values, qkv) ||
        (bias && (overlap(keys, *bias) || overlap(values, *bias))))
        raise_value("attention_cached: arguments overlap");
    const Array out = output(out_, {qkv.size(0), n_head * shape.head_size}, operation, {&qkv, &keys, &values, bias ? &*bias : nullptr});
    compute([&](const Kernels& k) { k.attention(out.data(), nullptr, qkv.data(), &cache, sequences_of(offsets), shape); });
    return out.object();
}

// lengths[B] += counts[B]: the rows of a step count as filled.
nb::object advance(handle counts_, handle lengths_) {
    const std::vector<int32_t> counts = integers(counts_, {"advance", "counts"});
    const Array lengths = in_place(lengths_, {"advance", "lengths"}, NPY_INT32);
    check_shape(lengths, {static_cast<int64_t>(counts.size())}, {"advance", "lengths"});
    for (size_t b = 0; b < counts.size(); ++b) lengths.data<int32_t>()[b] += counts[b];
    return lengths.object();
}

nb::object attention_backward(handle grad_, handle qkv_, handle offsets_, int64_t n_head, bool causal, double scale) {
    constexpr const char* operation = "attention_backward";
    const Array grad = input(grad_, {operation, "grad"}), qkv = input(qkv_, {operation, "qkv"});
    const AttentionShape shape = attention_shape(qkv, n_head, 0, causal, scale, operation);
    const std::vector<int32_t> offsets = offsets_of(offsets_, qkv.size(0), operation);
    const int64_t n = qkv.size(0), c = qkv.size(1) / 3;
    check_shape(grad, {n, c}, {operation, "grad"});
    const Array context = make({n, c}), log_sums = make({n, n_head}), dqkv = make_like(qkv);
    compute([&](const Kernels& k) {
        k.attention(context.data(), log_sums.data(), qkv.data(), nullptr, sequences_of(offsets), shape);
        k.attention_backward(dqkv.data(), grad.data(), qkv.data(), context.data(), log_sums.data(), sequences_of(offsets), shape);
    });
    return dqkv.object();
}

// ---- rows -------------------------------------------------------------------------------------------------------------------

nb::object layer_norm(handle x_, handle weight_, handle bias_, double eps, handle out_) {
    const Array x = input(x_, {"layer_norm", "x"}), weight = input(weight_, {"layer_norm", "weight"});
    const Array bias = input(bias_, {"layer_norm", "bias"});
    check_has_rows(x, {"layer_norm", "x"});
    check_shape(weight, {x.last()}, {"layer_norm", "weight"});
    check_shape(bias, {x.last()}, {"layer_norm", "bias"});
    const Array out = output(out_, with_last(x, x.last()), "layer_norm", {&weight, &bias}, {&x});
    compute([&](const Kernels& k) {
        k.layer_norm(out.data(), x.data(), weight.data(), bias.data(), static_cast<float>(eps), x.rows(), x.last());
    });
    return out.object();
}

nb::tuple layer_norm_backward(handle grad_, handle x_, handle weight_, double eps) {
    constexpr const char* operation = "layer_norm_backward";
    const Array grad = input(grad_, {operation, "grad"}), x = input(x_, {operation, "x"});
    const Array weight = input(weight_, {operation, "weight"});
    check_has_rows(x, {operation, "x"});
    check_same_shape(grad, x, {operation, "grad"});
    check_shape(weight, {x.last()}, {operation, "weight"});
    const Array dx = make_like(x), dweight = make_like(weight), dbias = make_like(weight);
    compute([&](const Kernels& k) {
        k.layer_norm_backward(dx.data(), dweight.data(), dbias.data(), grad.data(), x.data(), weight.data(), static_cast<float>(eps),
                              x.rows(), x.last());
    });
    return nb::make_tuple(dx.object(), dweight.object(), dbias.object());
}

nb::object sum_rows(handle x_) {
    const Array x = input(x_, {"sum_rows", "x"});
    check_has_rows(x, {"sum_rows", "x"});
    const Array out = make({x.last()});
    compute([&](const Kernels& k) { k.sum_rows(out.data(), x.data(), x.rows(), x.last()); });
    return out.object();
}

// softmax and log_softmax, and their derivatives from their output y.
template <bool logarithm>
nb::object softmax(handle x_, handle out_) {
    constexpr const char* operation = logarithm ? "log_softmax" : "softmax";
    const Array x = input(x_, {operation, "x"});
    check_has_rows(x, {operation, "x"});
    const Array out = output(out_, with_last(x, x.last()), operation, {}, {&x});
    compute([&](const Kernels& k) { k.softmax(out.data(), x.data(), logarithm, x.rows(), x.last()); });
    return out.object();
}

template <bool logarithm>
nb::object softmax_backward(handle grad_, handle y_) {
    constexpr const char* operation = logarithm ? "log_softmax_backward" : "softmax_backward";
    const Array grad = input(grad_, {operation, "grad"}), y = input(y_, {operation, "y"});
    check_has_rows(y, {operation, "y"});
    check_same_shape(grad, y, {operation, "grad"});
    const Array dx = make_like(y);
    compute([&](const Kernels& k) { k.softmax_backward(dx.data(), grad.data(), y.data(), logarithm, y.rows(), y.last()); });
    return dx.object();
}

// ---- elements ---------------------------------------------------------------------------------------------------------------

nb::object add(handle a_, handle b_, handle out_) {
    const Array a = input(a_, {"add", "a"}), b = input(b_, {"add", "b"});
    check_same_shape(b, a, {"add", "b"});
    const Array out = output(out_, {a.shape(), a.shape() + a.ndim()}, "add", {}, {&a, &b});
    compute([&](const Kernels& k) { k.add(out.data(), a.data(), b.data(), a.count()); });
    return out.object();
}

nb::object activation(handle x_, const std::string& kind, handle out_) {
    const Array x = input(x_, {"activation", "x"});
    const Activation chosen = activation_named(kind);
    const Array out = output(out_, {x.shape(), x.shape() + x.ndim()}, "activation", {}, {&x});
    compute([&](const Kernels& k) { k.activation(out.data(), x.data(), chosen, x.count()); });
    return out.object();
}

nb::object activation_backward(handle grad_, handle x_, const std::string& kind) {
    constexpr const char* operation = "activation_backward";
    const Array grad = input(grad_, {operation, "grad"}), x = input(x_, {operation, "x"});
    check_same_shape(grad, x, {operation, "grad"});
    const Activation chosen = activation_named(kind);
    const Array dx = make_like(x);
    compute([&](const Kernels& k) { k.activation_backward(dx.data(), grad.data(), x.data(), chosen, x.count()); });
    return dx.object();
}

using Elementwise = void (*Kernels::*)(float*, const float*, int64_t);

template <Elementwise kernel>
nb::object elementwise(handle x_) {
    const Array x = input(x_, {"elementwise function", "x"}), out = make_like(x);
    compute([&](const Kernels& k) { (k.*kernel)(out.data(), x.data(), x.count()); });
    return out.object();
}

// ---- look-up and pooling ----------------------------------------------------------------------------------------------------

nb::object embedding(handle table_, handle ids_, handle out_) {
    const Array table = input(table_, {"embedding", "table"});
    check_ndim(table, 2, {"embedding", "table"});
    const std::vector<int32_t> ids = ids_below(ids_, table.size(0), {"embedding", "ids"});
    const int64_t n = static_cast<int64_t>(ids.size()), c = table.size(1);
    const Array out = output(out_, {n, c}, "embedding", {&table});
    compute([&](const Kernels& k) { k.embedding(out.data(), table.data(), ids.data(), n, c); });
    return out.object();
}

nb::object embedding_backward(handle grad_, handle ids_, int64_t n_rows) {
    constexpr const char* operation = "embedding_backward";
    const Array grad = input(grad_, {operation, "grad"});
    check_ndim(grad, 2, {operation, "grad"});
    if (n_rows < 0) raise_value("embedding_backward: n_rows must not be negative");
    const std::vector<int32_t> ids = ids_below(ids_, n_rows, {operation, "ids"});
    const int64_t n = static_cast<int64_t>(ids.size()), c = grad.size(1);
    check_shape(grad, {n, c}, {operation, "grad"});
    const Array dtable = make({n_rows, c});
    compute([&](const Kernels& k) { k.embedding_backward(dtable.data(), grad.data(), ids.data(), n_rows, n, c); });
    return dtable.object();
}

nb::object segment_sum(handle x_, handle offsets_, handle weights_) {
    const Array x = input(x_, {"segment_sum", "x"});
    check_ndim(x, 2, {"segment_sum", "x"});
    const std::vector<int32_t> offsets = offsets_of(offsets_, x.size(0), "segment_sum");
    const std::vector<Array> weights = optional_input(weights_, {"segment_sum", "weights"});
    if (!weights.empty()) check_shape(weights[0], {x.size(0)}, {"segment_sum", "weights"});
    const Array out = make({static_cast<npy_intp>(offsets.size()) - 1, x.size(1)});
    compute([&](const Kernels& k) {
        k.segment_sum(out.data(), x.data(), data_or_null(weights), sequences_of(offsets), x.size(1));
    });
    return out.object();
}

nb::tuple top_k(handle scores_, int64_t k) {
    const Array scores = input(scores_, {"top_k", "scores"});
    check_has_rows(scores, {"top_k", "scores"});
    if (k < 0) raise_value("top_k: k must not be negative, got " + std::to_string(k));
    const int64_t count = std::min<int64_t>(k, scores.last());
    const Array values = make(with_last(scores, count)), ids = make(with_last(scores, count), NPY_INT64);
    compute([&](const Kernels& kernels) {
        kernels.top_k(values.data(), ids.data<int64_t>(), scores.data(), scores.rows(), scores.last(), count);
    });
    return nb::make_tuple(values.object(), ids.object());
}

// ---- training ---------------------------------------------------------------------------------------------------------------

struct LossArguments {
    Array x, table;
    std::vector<int32_t> targets;

    LossArguments(handle x_, handle table_, handle targets_)
        : x(input(x_, {"cross_entropy", "x"})), table(input(table_, {"cross_entropy", "table"})) {
        check_ndim(x, 2, {"cross_entropy", "x"});
        check_ndim(table, 2, {"cross_entropy", "table"});
        if (x.size(1) != table.size(1))
            raise("ShapeError", "cross_entropy: x of shape " + x.text() + " and table of shape " + table.text() +
                                    " differ in their features");
        targets = ids_below(targets_, table.size(0), {"cross_entropy", "targets"}, true);
        if (static_cast<int64_t>(targets.size()) != x.size(0))
            raise("ShapeError", "cross_entropy: expected one target for each of " + std::to_string(x.size(0)) + " rows, got " +
                                    std::to_string(targets.size()));
    }
};

nb::object cross_entropy(handle x_, handle table_, handle targets_) {
    const LossArguments of(x_, table_, targets_);
    const Array losses = make({of.x.size(0)});
    compute([&](const Kernels& k) {
        k.cross_entropy(losses.data(), nullptr, nullptr, nullptr, of.x.data(), of.table.data(), of.targets.data(), of.x.size(0),
                        of.table.size(0), of.table.size(1));
    });
    return losses.object();
}

nb::tuple cross_entropy_with_gradients(handle x_, handle table_, handle targets_, handle grad_) {
    const LossArguments of(x_, table_, targets_);
    const Array grad = input(grad_, {"cross_entropy_with_gradients", "grad"});
    check_shape(grad, {of.x.size(0)}, {"cross_entropy_with_gradients", "grad"});
    const Array losses = make_like(grad), dx = make_like(of.x), dtable = make_like(of.table);
    compute([&](const Kernels& k) {
        k.cross_entropy(losses.data(), dx.data(), dtable.data(), grad.data(), of.x.data(), of.table.data(), of.targets.data(),
                        of.x.size(0), of.table.size(0), of.table.size(1));
    });
    return nb::make_tuple(losses.object(), dx.object(), dtable.object());
}

void adamw(handle parameter_, handle m_, handle v_, handle grad_, double learning_rate, double beta1, double beta2, double eps,
           double weight_decay, int64_t step, double grad_scale) {
    const Array parameter = in_place(parameter_, {"adamw", "parameter"}), m = in_place(m_, {"adamw", "m"});
    const Array v = in_place(v_, {"adamw", "v"}), grad = input(grad_, {"adamw", "grad"});
    check_same_shape(m, parameter, {"adamw", "m"});
    check_same_shape(v, parameter, {"adamw", "v"});
    check_same_shape(grad, parameter, {"adamw", "grad"});
    const Array* all[] = {&parameter, &m, &v, &grad};
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < i; ++j)
            if (overlap(*all[i], *all[j])) raise_value("adamw: arguments overlap");
    if (step < 1) raise_value("adamw: step counts from 1, got " + std::to_string(step));
    const AdamW settings{learning_rate, beta1, beta2, eps, weight_decay, grad_scale, step};
    compute([&](const Kernels& k) { k.adamw(parameter.data(), m.data(), v.data(), grad.data(), settings, parameter.count()); });
}

double squared_norm(handle x_) {
    const Array x = input(x_, {"squared_norm", "x"});
    double result = 0.0;
    compute([&](const Kernels& k) { result = k.squared_norm(x.data(), x.count()); });
    return result;
}

// ---- the machine ------------------------------------------------------------------------------------------------------------

int64_t multiply_adds(int64_t rounds) {
    const int64_t n_threads = thread_count();
    const Array out = make({n_threads});
    int64_t operations = 0;
    compute([&](const Kernels& k) { operations = k.multiply_adds(out.data(), rounds, n_threads); });
    return operations;
}

void set_threads(int64_t count) {
    if (count < 1 || count > max_threads)
        raise("ConfigError", "set_threads: expected 1 to " + std::to_string(max_threads) + " threads, got " + std::to_string(count));
    set_thread_count(static_cast<int>(count));
}

nb::list available_isas() {
    nb::list names;
    for (const std::string& name : available_instruction_sets()) names.append(name);
    return names;
}

}  // namespace

void define_module(nb::module_& m) {
    using namespace nb::literals;
    if (_import_array() < 0) throw nb::python_error();
    nb::module_::import_("atexit").attr("register")(nb::cpp_function(&Shutdown::begin));

    nb::class_<PackedWeight>(m, "PackedWeight")
        .def_prop_ro("dtype", [](const PackedWeight& w) { return weight_type_names[static_cast<int>(w.packed.type)]; })
        .def_prop_ro("shape", [](const PackedWeight& w) { return nb::make_tuple(w.packed.n_inputs, w.packed.n_outputs); })
        .def_prop_ro("nbytes", &PackedWeight::bytes)
        .def("unpack", &unpack)
        .def("rows", &Recorded<&packed_rows>::call, "ids"_a, "out"_a = nb::none());
    m.def("pack", &pack, "weight"_a, "dtype"_a = "float32");
    m.def("linear", &Recorded<&linear>::call, "x"_a, "weight"_a, "bias"_a = nb::none(), "residual"_a = nb::none(), "activation"_a = "none",
          "out"_a = nb::none());
    m.def("matmul", &matmul, "a"_a, "b"_a, "transpose_a"_a = false, "transpose_b"_a = false, "out"_a = nb::none(),
          "accumulate"_a = false);

    m.def("attention", &attention, "qkv"_a, "offsets"_a, "n_head"_a, "causal"_a, "scale"_a, "n_kv_head"_a = 0, "bias"_a = nb::none(),
          "out"_a = nb::none());
    m.def("cache_shapes", &cache_shapes, "n_sequences"_a, "n_kv_head"_a, "capacity"_a, "head_size"_a);
    m.def("attention_cached", &Recorded<&attention_cached>::call, "qkv"_a, "offsets"_a, "keys"_a, "values"_a, "lengths"_a, "n_head"_a, "scale"_a,
          "n_kv_head"_a = 0, "bias"_a = nb::none(), "out"_a = nb::none());
    m.def("advance", &Recorded<&advance>::call, "counts"_a, "lengths"_a);
    m.def("attention_backward", &attention_backward, "grad"_a, "qkv"_a, "offsets"_a, "n_head"_a, "causal"_a, "scale"_a);

    m.def("layer_norm", &Recorded<&layer_norm>::call, "x"_a, "weight"_a, "bias"_a, "eps"_a, "out"_a = nb::none());
    m.def("layer_norm_backward", &layer_norm_backward, "grad"_a, "x"_a, "weight"_a, "eps"_a);
    m.def("sum_rows", &sum_rows, "x"_a);
    m.def("add", &Recorded<&add>::call, "a"_a, "b"_a, "out"_a = nb::none());
    m.def("activation", &activation, "x"_a, "kind"_a, "out"_a = nb::none());
    m.def("activation_backward", &activation_backward, "grad"_a, "x"_a, "kind"_a);
    m.def("exp", &elementwise<&Kernels::exp>, "x"_a);
    m.def("tanh", &elementwise<&Kernels::tanh>, "x"_a);
    m.def("erf", &elementwise<&Kernels::erf>, "x"_a);
    m.def("softmax", &softmax<false>, "x"_a, "out"_a = nb::none());
    m.def("log_softmax", &softmax<true>, "x"_a, "out"_a = nb::none());
    m.def("softmax_backward", &softmax_backward<false>, "grad"_a, "y"_a);
    m.def("log_softmax_backward", &softmax_backward<true>, "grad"_a, "y"_a);

    m.def("embedding", &Recorded<&embedding>::call, "table"_a, "ids"_a, "out"_a = nb::none());
    m.def("embedding_backward", &embedding_backward, "grad"_a, "ids"_a, "n_rows"_a);
    m.def("segment_sum", &segment_sum, "x"_a, "offsets"_a, "weights"_a = nb::none());
    m.def("top_k", &top_k, "scores"_a, "k"_a);

    m.def("cross_entropy", &cross_entropy, "x"_a, "table"_a, "targets"_a);
    m.def("cross_entropy_with_gradients", &cross_entropy_with_gradients, "x"_a, "table"_a, "targets"_a, "grad"_a);
    m.def("adamw", &adamw, "parameter"_a, "m"_a, "v"_a, "grad"_a, nb::kw_only(), "learning_rate"_a, "beta1"_a, "beta2"_a, "eps"_a,
          "weight_decay"_a, "step"_a, "grad_scale"_a = 1.0);
    m.def("squared_norm", &squared_norm, "x"_a);

    nb::class_<Recording>(m, "Recording")
        .def(nb::init<>())
        .def("__enter__", [](nb::object self) { nb::cast<Recording&>(self).open(); return self; })
        .def("__exit__", [](Recording& self, nb::args) { self.close(); })
        .def("__len__", &Recording::size)
        .def("replay", &Recording::replay);

    define_tokenizer(m);

    m.def("multiply_adds", &multiply_adds, "rounds"_a);
    m.def("set_threads", &set_threads, "count"_a);
    m.def("threads", &thread_count);
    m.def("isa", [] { return active().name; });
    m.def("available_isas", &available_isas);
}

}  // namespace hornbook::python

NB_MODULE(_native, m) { hornbook::python::define_module(m); }
