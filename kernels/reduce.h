#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// Floats of scratch that sum_of_squares and the weighted errors need for n elements.
int64_t reduce_workspace_floats(int64_t n);

/// out[0] = Σ x². Split in fixed chunks of the array, so the result does not depend on the thread count.
void sum_of_squares(const Stream&, const float* x, int64_t n, float* out, float* workspace);

/// Weighted squared error of a batch: loss[0] = scale · Σ_i weight[i] · Σ_e (prediction − target)²,
/// per_image[i] = Σ_e (…)² unweighted. prediction T, target f32, images × elements; weight may be null
/// (ones).
template <class T>
void weighted_squared_error(const Stream&, const T* prediction, const float* target, const float* weight,
                            float scale, int images, int64_t elements, float* loss, float* per_image,
                            float* workspace);
/// d_prediction = upstream[0] · 2 · scale · weight[i] · (prediction − target).
template <class T>
void weighted_squared_error_backward(const Stream&, const T* prediction, const float* target,
                                     const float* weight, float scale, const float* upstream, int images,
                                     int64_t elements, T* d_prediction);

/// The same with the absolute error: loss[0] = scale · Σ_i weight[i] · Σ_e |prediction − target|,
/// per_image[i] = Σ_e |…|.
template <class T>
void weighted_absolute_error(const Stream&, const T* prediction, const float* target, const float* weight,
                             float scale, int images, int64_t elements, float* loss, float* per_image,
                             float* workspace);
/// d_prediction = upstream[0] · scale · weight[i] · sign(prediction − target), with sign(0) = 0.
template <class T>
void weighted_absolute_error_backward(const Stream&, const T* prediction, const float* target,
                                      const float* weight, float scale, const float* upstream, int images,
                                      int64_t elements, T* d_prediction);

/// out[c] += Σ_r x[r,c] (bias gradients), x rows × columns of T, out f32.
template <class T>
void column_sums(const Stream&, const T* x, int64_t rows, int columns, float* out, float* workspace);
int64_t column_sums_workspace_floats(int64_t rows, int columns);

} // namespace heat::kernels
