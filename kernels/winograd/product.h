#pragma once

#include "kernels/winograd/vector.h"

namespace heat::kernels::winograd {

/// Columns of a product, in vectors, that `multiply` keeps in registers.
inline constexpr int widest_panel = 4;

/// D = A·B, or D += A·B, for a panel of `vectors` ≤ widest_panel vectors of columns: D[i][j] = Σ_k
/// A[i][k]·B[k][j], with A's element (i, k) at a[i·a_row + k·a_step], B's row k at b + k·b_row, D's row i at
/// d + i·d_row. An element is an f32, or a Pair: then each k stands for two rows of the sum, rounded to bf16.
/// Sums are f32. One thread.
struct Product {
    int64_t rows = 0, depth = 0;
    int64_t a_row = 0, a_step = 1, b_row = 0, d_row = 0;
    int vectors = widest_panel;
    bool accumulate = false;
};
void multiply(const Product&, const float* a, const float* b, float* d);
#if defined(__AVX512BF16__)
void multiply(const Product&, const Pair* a, const Pair* b, float* d);
#endif

} // namespace heat::kernels::winograd
