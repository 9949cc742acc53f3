#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// Dynamic thresholding (Saharia et al. 2022) of images of `elements` f32 values in low..high each, in place.
/// With d = |x − middle|/half of the range and s the quantile `ratio` (0..1, interpolated linearly between
/// order statistics) of an image's d, limited to 1..limit: x − middle is limited to ±s·half and divided by s.
/// NaN stays NaN and counts as beyond every threshold.
void dynamic_threshold(const Stream&, float* x, int64_t images, int64_t elements, float low, float high,
                       double ratio, float limit);

} // namespace heat::kernels
