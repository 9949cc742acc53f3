#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// Floats of scratch that sum_of_squares and the weighted errors need for n elements.
int64_t reduce_workspace_floats(int64_t n);

/// out[0] = Σ x². Split in fixed chunks of the array, so the result does not depend on the thread count.
void sum_of_squares(const Stream&, const float* x, int64_t n, float* out, float* workspace);

/// How the error d of an element counts: d², or |d|.
enum class LossKind { squared, absolute };

/// Weighted error of a batch: loss[0] = scale · Σ_i weight[i] · per_image[i], per_image[i] = Σ_e of what
/// prediction − target counts. prediction T, target f32, images × elements; weight may be null (ones).
template <class T>
void weighted_error(const Stream&, LossKind, const T* prediction, const float* target, const float* weight,
                    float scale, int images, int64_t elements, float* loss, float* per_image,
                    float* workspace);
/// d_prediction = upstream[0] · scale · weight[i] · slope, the slope of d² being 2d and that of |d| its sign,
/// 0 at 0.
template <class T>
void weighted_error_backward(const Stream&, LossKind, const T* prediction, const float* target,
                             const float* weight, float scale, const float* upstream, int images,
                             int64_t elements, T* d_prediction);

/// loss[0] = scale · Σ_i weight[i] · per_image[i]; weight may be null (ones).
void weighted_sum(const Stream&, const float* per_image, const float* weight, float scale, int images,
                  float* loss);

/// out[c] += Σ_r x[r,c] (bias gradients), x rows × columns of T, out f32.
template <class T>
void column_sums(const Stream&, const T* x, int64_t rows, int columns, float* out, float* workspace);
int64_t column_sums_workspace_floats(int64_t rows, int columns);

} // namespace heat::kernels
