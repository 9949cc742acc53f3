#pragma once

#include "kernels/transform.h"

namespace heat::kernels {

/// The transform as two products with whole matrices, on any device: f32 by kernels/gemm.h, f64 by a kernel
/// of our own. `workspace` is as large as the images; y may be x. On a GPU this is the matrix method; on the
/// CPU kernels/transform/image_step.h is faster, and the tests compare the two.
template <class T>
void transform_by_products(const Stream& stream, TransformKind kind, const T* x, T* y, int64_t images,
                           int height, int width, int channels, T* workspace);

} // namespace heat::kernels
