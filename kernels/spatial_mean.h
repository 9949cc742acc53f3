#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// y[n,c] = mean over p of x[n,p,c], x of images × positions × channels. f32 or bf16, summed in f32.
template <class T>
void spatial_mean_forward(const Stream&, const T* x, T* y, int images, int positions, int channels);

/// dx[n,p,c] = dy[n,c] / positions.
template <class T>
void spatial_mean_backward(const Stream&, const T* dy, T* dx, int images, int positions, int channels);

} // namespace heat::kernels
