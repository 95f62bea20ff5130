// What the files of the matrix product share with each other and with the families that are built on it.
#pragma once

#include "kernels.h"
#include "memory.h"
#include "parallel.h"
#include "tile.h"

namespace hornbook::HORNBOOK_VARIANT {

// Up to this many rows a product is limited by reading the weights: they are walked once, straight from memory.
constexpr int64_t few_rows = 8;

// The rows of x as integers for int8 weights: pairs[N, ceil(K/2)] of int16 and scales[N, ceil(K/256)].
struct QuantisedRows {
    const float* pairs;  // the bits of two int16: what moves and broadcasts 4 bytes need not know
    const float* scales;
    int64_t n_pairs, n_blocks;
};

void quantise_rows(int16_t* values, float* scales, const float* x, int64_t n, int64_t k);

// linear() for few rows (gemv.cc) and for many (gemm.cc). `quantised` is read only for int8 weights.
void linear_few_rows(float* out, const float* x, const QuantisedRows& quantised, const Packed& weight, const Epilogue& epilogue,
                     int64_t n);
void linear_many_rows(float* out, const float* x, const QuantisedRows& quantised, const Packed& weight,
                      const Epilogue& epilogue, int64_t n);

// Gives columns [first_column, first_column + count) of `rows` rows what follows the product:
// out[rows, M] = activation(sums + bias) + residual. sums may be out.
void finish_rows(float* out, const float* sums, int64_t sums_stride, const Epilogue& epilogue, int64_t first_row, int64_t rows,
                 int64_t first_column, int64_t count, int64_t m);

// to[k, 16] from k rows and `columns` <= 16 columns of any matrix, filled up with zeros.
void pack_panel(float* to, Matrix from, int64_t k, int64_t columns);

void linear(float* out, const float* x, const Packed& weight, const Epilogue& epilogue, int64_t n);
void linear_unpacked(float* out, const float* x, Matrix weight, const Epilogue& epilogue, int64_t n, int64_t k, int64_t m);
void matmul(float* out, Matrix a, Matrix b, bool accumulate, int64_t m, int64_t k, int64_t n);

}  // namespace hornbook::HORNBOOK_VARIANT
