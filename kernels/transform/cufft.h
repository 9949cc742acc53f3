#pragma once

// cuFFT, in builds with CUDA.

#include "kernels/transform.h"

namespace heat::kernels::cufft {

/// Elements of workspace for a transform: both sides of the Fourier transforms and cuFFT's own scratch, which
/// it is never left to allocate.
template <class T>
int64_t workspace_elements(TransformKind kind, int64_t images, int height, int width, int channels);

/// The 2-D transform as kernels/transform.h defines it, in the order of the CUDA stream; y may be x. Plans
/// are kept per length, layout and type. Throws Error with cuFFT's status where it refuses.
template <class T>
void transform(const Stream&, TransformKind kind, const T* x, T* y, int64_t images, int height, int width,
               int channels, T* workspace);

} // namespace heat::kernels::cufft
