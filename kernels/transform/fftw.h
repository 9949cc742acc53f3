#pragma once

// FFTW's real transforms, where the build has found it. Host only.

#include "kernels/transform.h"

namespace heat::kernels::fftw {

/// The 2-D transform as kernels/transform.h defines it; y may be x. Whole images are divided among threads,
/// or one image where there are fewer. Plans are kept per kind and size; FFTW chooses them by estimates,
/// without trial runs, so that results do not change from run to run.
template <class T>
void transform(TransformKind kind, const T* x, T* y, int64_t images, int height, int width, int channels);

/// Name and version, as the library gives them; null where this build has no FFTW. Then transform throws
/// Error.
const char* description();

} // namespace heat::kernels::fftw
