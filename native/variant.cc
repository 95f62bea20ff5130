// The table of one instruction set's kernels.
#include "product.h"

namespace hornbook::HORNBOOK_VARIANT {

#define HORNBOOK_STRING(name) #name
#define HORNBOOK_NAME_OF(name) HORNBOOK_STRING(name)

void attention(float*, float*, const float*, const AttentionCache*, Sequences, AttentionShape);
void attention_backward(float*, const float*, const float*, const float*, const float*, Sequences, AttentionShape);
void pack(void*, float*, Matrix, WeightType, int64_t, int64_t);
void unpack(float*, const Packed&);
void packed_columns(float*, const Packed&, const int32_t*, int64_t);
void layer_norm(float*, const float*, const float*, const float*, float, int64_t, int64_t);
void layer_norm_backward(float*, float*, float*, const float*, const float*, const float*, float, int64_t, int64_t);
void sum_rows(float*, const float*, int64_t, int64_t);
void add(float*, const float*, const float*, int64_t);
void activation(float*, const float*, Activation, int64_t);
void activation_backward(float*, const float*, const float*, Activation, int64_t);
void exp_array(float*, const float*, int64_t);
void tanh_array(float*, const float*, int64_t);
void erf_array(float*, const float*, int64_t);
void softmax(float*, const float*, bool, int64_t, int64_t);
void softmax_backward(float*, const float*, const float*, bool, int64_t, int64_t);
void embedding(float*, const float*, const int32_t*, int64_t, int64_t);
void embedding_backward(float*, const float*, const int32_t*, int64_t, int64_t, int64_t);
void segment_sum(float*, const float*, const float*, Sequences, int64_t);
void top_k(float*, int64_t*, const float*, int64_t, int64_t, int64_t);
void cross_entropy(float*, float*, float*, const float*, const float*, const float*, const int32_t*, int64_t, int64_t, int64_t);
void adamw(float*, float*, float*, const float*, AdamW, int64_t);
double squared_norm(const float*, int64_t);
int64_t multiply_adds(float*, int64_t, int64_t);

extern const Kernels table;
const Kernels table = {
    .name = HORNBOOK_NAME_OF(HORNBOOK_VARIANT),
    .linear = linear,
    .linear_unpacked = linear_unpacked,
    .matmul = matmul,
    .pack = pack,
    .unpack = unpack,
    .packed_columns = packed_columns,
    .attention = attention,
    .attention_backward = attention_backward,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .sum_rows = sum_rows,
    .add = add,
    .activation = activation,
    .activation_backward = activation_backward,
    .exp = exp_array,
    .tanh = tanh_array,
    .erf = erf_array,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
    .embedding = embedding,
    .embedding_backward = embedding_backward,
    .segment_sum = segment_sum,
    .top_k = top_k,
    .cross_entropy = cross_entropy,
    .adamw = adamw,
    .squared_norm = squared_norm,
    .multiply_adds = multiply_adds,
};

}  // namespace hornbook::HORNBOOK_VARIANT
