#pragma once

#include "kernels/convolution.h"

#include <memory>

namespace heat::kernels::winograd {

/// Channels must be multiples of this.
int channel_multiple();

/// Whether F(4×4, 3×3) is likely faster there than a direct convolution of this type: it saves up to 4 of 4
/// in 16 products but has filters to transform, tiles that stick out of the image, and always multiplies in
/// f32. Decided by the shape alone, so that a run repeats. False where make_convolution_plan gives null.
bool pays(const ConvolutionShape&, Dtype);

/// A plan by Winograd's F(4×4, 3×3), or null where it does not apply: 3×3 kernels with stride 1 and padding 1
/// on all sides, channels in multiples of the vector width, on the CPU. It reads the f32 master itself
/// (nothing packed is kept), computes in f32 whatever the activations' type, and its results do not depend on
/// the number of threads.
std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape&, Dtype);

} // namespace heat::kernels::winograd
