#pragma once

// Which way a transform takes. The environment's method (HEAT_TRANSFORM=matrix or fft) stands in for
// `automatic`; each of these throws Error where the variable says something else.

#include "kernels/transform.h"

namespace heat::kernels {

/// On the CPU: whether an axis is halved rather than multiplied by its folded matrix.
bool halved_on_host(TransformKind kind, int n, TransformMethod method);

/// On the CPU: whether the image goes through FFTW.
bool by_fftw_on_host(TransformKind kind, int height, int width, TransformMethod method);

/// On a GPU: whether the image goes through cuFFT.
bool by_cufft(int height, int width, TransformMethod method);

} // namespace heat::kernels
