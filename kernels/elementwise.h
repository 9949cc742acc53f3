#pragma once

// Maps over contiguous buffers of n elements. T is float or bf16 (both instantiated); arithmetic is f32. No
// output may alias an input unless said so.

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// y = value.
void fill(const Stream&, float* y, float value, int64_t n);
/// y = x converted between f32 and bf16 (round to nearest even), in either direction.
template <class From, class To>
void cast(const Stream&, const From* x, To* y, int64_t n);
/// y = a·x + b·z. y may alias x or z.
template <class T>
void linear_combination(const Stream&, float a, const T* x, float b, const T* z, T* y, int64_t n);
/// y += x, f32 accumulator (parameter gradients); x may be bf16.
template <class T>
void accumulate(const Stream&, const T* x, float* y, int64_t n);
/// y = x·factor.
template <class T>
void scale(const Stream&, const T* x, float factor, T* y, int64_t n);
/// y[n,r,c] = x[n,r,c] + shift[n,c].
template <class T>
void add_per_channel(const Stream&, const T* x, const T* shift, T* y, int images, int64_t rows, int channels);
/// y[r,c] += bias[c].
template <class T>
void add_bias(const Stream&, const float* bias, T* y, int64_t rows, int columns);
/// y = x·sigmoid(x).
template <class T>
void silu_forward(const Stream&, const T* x, T* y, int64_t n);
/// dx = dy·silu'(x).
template <class T>
void silu_backward(const Stream&, const T* x, const T* dy, T* dx, int64_t n);
/// Dropout (inverted): y = x·mask/(1−rate). The mask of element e of image i (`elements` per image, i = 0..
/// n/elements) is a function of (seed, step, layer, image_offset + i, e) by Philox, so the backward pass
/// recomputes it by calling the same function on dy. `state` points to {seed low, seed high, step} in the
/// stream's memory. 0 <= rate < 1.
template <class T>
void dropout(const Stream&, const T* x, T* y, int64_t images, int64_t elements, float rate,
             const uint32_t* state, uint32_t layer, uint32_t image_offset);

} // namespace heat::kernels
