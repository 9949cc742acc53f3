#pragma once

// A strided product in the terms of BLAS: column-major matrices with leading dimensions, transposes, and
// batches at one distance. A pure function of the GemmShape, so that it can be tested where there is no
// cuBLASLt.

#include "kernels/gemm.h"

#include <optional>

namespace heat::kernels {

/// A column-major matrix of a batch: element (r, c) of matrix i is at i·batch_stride + c·leading + r, in
/// elements.
struct BlasMatrix {
    int64_t rows = 0, columns = 0, leading = 0, batch_stride = 0;
    bool operator==(const BlasMatrix&) const = default;
};

/// For each of outer_count steps, each pointer moved on by its outer stride, and for each matrix of the
/// batch:
///   left operand L (rows_out × depth), right operand R (depth × columns_out), result D (rows_out ×
///   columns_out): D = alpha·op(L)·op(R) + beta·D (+ bias down the rows), where op is the transpose where
///   that is set.
/// `swapped`: L is the B of the GemmShape and R its A, because a row-major D is a column-major Dᵀ = Bᵀ·Aᵀ.
struct ProductLayout {
    bool swapped = false, transpose_left = false, transpose_right = false;
    BlasMatrix left, right, d;
    int64_t batch_count = 1;
    int64_t outer_count = 1, outer_left = 0, outer_right = 0, outer_d = 0;
};

/// Null where BLAS cannot say it: a view with neither stride 1, rows that overlap, a negative stride, or a
/// bias on a D that is not row-major.
std::optional<ProductLayout> product_layout(const GemmShape&);

} // namespace heat::kernels
