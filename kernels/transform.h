#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// Orthonormal real transforms of an axis of length n (docs/math.md, "Bases"), each a matrix D[k, j]:
///   dct1  √(2/(n−1)) c_k c_j cos(πkj/(n−1)), c = 1/√2 at both ends, else 1; n = 1: the identity
///   dct2  √((k ? 2 : 1)/n) cos(πk(2j+1)/2n)
///   dct3  the transpose of dct2
///   dst1  √(2/(n+1)) sin(π(k+1)(j+1)/(n+1))
/// They are scipy.fft's of the same names with norm="ortho".
enum class TransformKind { dct1, dct2, dct3, dst1 };

/// The kind that undoes another: dct2 and dct3 undo each other, dct1 and dst1 themselves.
TransformKind inverse_of(TransformKind);

/// How a transform is computed: as matrix products, by a fast algorithm, or by whichever was measured to be
/// faster at the size.
enum class TransformMethod { automatic, matrix, fft };

/// Elements of scratch, of the type of the images, that one transform of `images` images needs.
int64_t transform_workspace_elements(const Stream&, TransformKind, int64_t images, int height, int width,
                                     int channels, TransformMethod method = TransformMethod::automatic);

/// The 2-D transform of each channel of NHWC images, at any height and width:
/// y[i,k,l,c] = Σ_{h,w} D_H[k,h] D_W[l,w] x[i,h,w,c]. `workspace` has transform_workspace_elements elements;
/// y may be x. Tables and plans are made in f64, kept per kind, size and device, and live as long as the
/// process. Throws Error for sizes below 1.
void transform(const Stream&, TransformKind, const float* x, float* y, int64_t images, int height, int width,
               int channels, float* workspace, TransformMethod method = TransformMethod::automatic);
void transform(const Stream&, TransformKind, const double* x, double* y, int64_t images, int height,
               int width, int channels, double* workspace,
               TransformMethod method = TransformMethod::automatic);

/// Floating-point operations of one transform of one image as matrix products.
double transform_flops(int height, int width, int channels);

} // namespace heat::kernels
