#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// out[i] = Σ_e x[i,e]·y[i,e] of f32 images × elements: one number an image, in the stream's memory, summed
/// in an order that the number of elements fixes. x may be y.
void image_dots(const Stream&, const float* x, const float* y, float* out, int images, int elements);

} // namespace heat::kernels
