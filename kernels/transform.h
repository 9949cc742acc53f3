#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// Real transforms of an axis of length n (docs/math.md, "Bases"), each a matrix D[k, j]:
///   dct1  √(2/(n−1)) c_k c_j cos(πkj/(n−1)), c = 1/√2 at both ends, else 1; n = 1: the identity
///   dct2  √((k ? 2 : 1)/n) cos(πk(2j+1)/2n)
///   dct3  the transpose of dct2
///   dst1  √(2/(n+1)) sin(π(k+1)(j+1)/(n+1))
/// They are orthonormal, scipy.fft's of the same names with norm="ortho". With the trapezoid rule's weights
/// w = ½, 1, …, 1, ½ (n = 1: 1) two more are made of dct1, for the heat equation between pixels' centres:
///   trapezoid_dct1          dct1 of √w_j x_j
///   trapezoid_dct1_inverse  1/√w_k times dct1
enum class TransformKind { dct1, dct2, dct3, dst1, trapezoid_dct1, trapezoid_dct1_inverse };

/// The kind that undoes another: dct1 and dst1 undo themselves.
TransformKind inverse_of(TransformKind);

/// How a transform is computed. matrix: products with (folded) matrices. fft: a fast algorithm where there is
/// one; on the CPU those are our own for dct2 and dct3 of lengths 2^k·(1, 3, 5, 7, 9), and FFTW's where it is
/// linked; on a GPU cuFFT's; and products elsewhere. automatic: on the CPU our own fast algorithm where
/// there is one, else products up to a length to which they were measured to be faster than FFTW. The
/// environment variable HEAT_TRANSFORM (matrix or fft) stands in for automatic.
enum class TransformMethod { automatic, matrix, fft };

/// Elements of scratch, of the type of the images, that one transform of `images` images needs.
template <class T = float>
int64_t transform_workspace_elements(const Stream&, TransformKind, int64_t images, int height, int width,
                                     int channels, TransformMethod method = TransformMethod::automatic);

/// The 2-D transform of each channel of NHWC images, at any height and width:
/// y[i,k,l,c] = Σ_{h,w} D_H[k,h] D_W[l,w] x[i,h,w,c]. T is float or double. `workspace` has
/// transform_workspace_elements<T> elements; y may be x. Tables and plans are made in f64, kept per kind,
/// size and device, and live as long as the process. Throws Error for sizes below 1.
template <class T>
void transform(const Stream&, TransformKind, const T* x, T* y, int64_t images, int height, int width,
               int channels, T* workspace, TransformMethod method = TransformMethod::automatic);

/// Floating-point operations of one transform of one image as matrix products.
double transform_flops(int height, int width, int channels);

} // namespace heat::kernels
