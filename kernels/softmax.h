#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// y[r,:] = softmax(x[r,:]) for each of `rows` rows of `columns` values. x is f32 scores, y is f32 or bf16.
/// For y of f32, y may alias x.
template <class T>
void softmax_forward(const Stream&, const float* x, T* y, int64_t rows, int columns);

/// dx = y ∘ (dy − Σ y∘dy) per row. dy is f32, dx has the type of y.
template <class T>
void softmax_backward(const Stream&, const T* y, const float* dy, T* dx, int64_t rows, int columns);

} // namespace heat::kernels
