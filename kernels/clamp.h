#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// y = x limited to low..high, n f32 elements; NaN stays NaN. y may alias x.
void clamp(const Stream&, const float* x, float low, float high, float* y, int64_t n);

} // namespace heat::kernels
