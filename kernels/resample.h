#pragma once

// Changes of resolution over NHWC, forward and backward; T is float or bf16.

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// y[n,2i+a,2j+b,c] = x[n,i,j,c]; y is n × 2h × 2w × c.
template <class T>
void upsample_nearest_forward(const Stream&, const T* x, T* y, int n, int h, int w, int c);
/// dx = sum of the four dy; h, w are those of x.
template <class T>
void upsample_nearest_backward(const Stream&, const T* dy, T* dx, int n, int h, int w, int c);
/// Mean over 2×2 blocks: x is n × h × w × c with h, w even; y is n × h/2 × w/2 × c.
template <class T>
void average_pool_forward(const Stream&, const T* x, T* y, int n, int h, int w, int c);
template <class T>
void average_pool_backward(const Stream&, const T* dy, T* dx, int n, int h, int w, int c);

} // namespace heat::kernels
