#pragma once

#include "kernels/portable.h"

namespace heat::kernels {

/// Columns of a block of bf16 rows and what moves them: (x − center)·scale + beta, each f32, one a column.
struct AffineColumns {
    const float *center, *scale, *beta;
};

/// Whether silu_rows exists in this build (AVX-512 with bf16); group_norm's own loop serves where it does
/// not.
bool has_silu_rows();

/// y[r, c] = SiLU((x[r, c] − center[c])·scale[c] + beta[c]) for bf16 rows on the host, one thread:
/// group_norm's second pass for the type whose result needs few digits. Rows of x are `width` apart, of y
/// `y_stride`; any width. The relative error before rounding to bf16 is below 2e-4, a tenth of the
/// rounding's.
void silu_rows(const bf16* x, int rows, int width, const AffineColumns&, bf16* y, int y_stride);

} // namespace heat::kernels
