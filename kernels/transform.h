#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// Floats of scratch that one transform of `images` images needs.
int64_t transform_workspace_floats(int64_t images, int height, int width, int channels);

/// Orthonormal 2-D DCT-II of each channel of NHWC f32 images, at any height and width (docs/math.md,
/// "Bases"): y[i,k,l,c] = Σ_{h,w} D_H[k,h] D_W[l,w] x[i,h,w,c], D_n[k,j] = √((k ? 2 : 1)/n) cos(πk(2j+1)/2n).
/// By two matrix products (kernels/gemm.h); the matrices are made in f64, rounded to f32 and kept per size
/// and device. `workspace` has transform_workspace_floats floats; y may alias x. Throws Error for sizes
/// below 1.
void dct2_forward(const Stream&, const float* x, float* y, int64_t images, int height, int width,
                  int channels, float* workspace);
/// The inverse of dct2_forward, which is its transpose.
void dct2_inverse(const Stream&, const float* x, float* y, int64_t images, int height, int width,
                  int channels, float* workspace);

/// Floating-point operations of one transform of one image as it is computed here.
double dct2_flops(int height, int width, int channels);

} // namespace heat::kernels
