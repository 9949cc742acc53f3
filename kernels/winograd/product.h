#pragma once

#include "kernels/winograd/vector.h"

namespace heat::kernels::winograd {

/// Two bf16 values that are multiplied and summed together: neighbours along the dimension that is summed
/// over.
struct Pair {
    bf16 even, odd;
};

/// `lanes` words of a matrix whose rows are pairs of rows.
HEAT_HD void store_pairs(Pair* p, Vector even, Vector odd) {
#if defined(__AVX512BF16__)
    const auto halves = [](Vector v) {
        return __builtin_convertvector(Halves(_mm512_cvtneps_pbh(__m512(v))), Words);
    };
    const Words words = halves(even) | (halves(odd) << 16);
#else
    const Words words = (rounded_to_bf16(even) >> 16) | (rounded_to_bf16(odd) & 0xffff0000u);
#endif
    std::memcpy(p, &words, sizeof words);
}

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
