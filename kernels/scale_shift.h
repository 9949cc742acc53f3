#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// y = u·sigmoid(u) with u[n,r,c] = x[n,r,c]·(1 + m[n,c]) + m[n,C+c]: x and y are images × rows × channels of
/// T (float or bf16), m (the modulation, f32) images × 2·channels, scales first.
template <class T>
void scale_shift_silu_forward(const Stream&, const T* x, const float* m, T* y, int images, int64_t rows,
                              int channels);
/// With g = dy·silu'(u): dx = g·(1 + scale), and dm[n] = Σ_r g·x, then Σ_r g. Each sum's order is fixed by
/// the shape. dm is written, not added to.
template <class T>
void scale_shift_silu_backward(const Stream&, const T* x, const float* m, const T* dy, T* dx, float* dm,
                               int images, int64_t rows, int channels);

} // namespace heat::kernels
