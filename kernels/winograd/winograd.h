#pragma once

#include "kernels/convolution.h"

#include <memory>

namespace heat::kernels::winograd {

/// Whether bf16 activations are multiplied in bf16, at twice the rate of f32 (AVX512_BF16).
bool multiplies_bf16();

/// Channels must be multiples of this.
int channel_multiple();

/// Whether Winograd is likely faster there than a direct convolution of this type: it saves up to three of
/// four products, but has tiles and filters to transform, and tiles that stick out of the image. Decided by
/// the shape alone, so that a run repeats. False where make_convolution_plan gives null.
bool pays(const ConvolutionShape&, Dtype);

/// A plan by Winograd's algorithm (Lavin & Gray 2016), or null where it does not apply: 3×3 kernels with
/// stride 1 and padding 1 on all sides, channels in multiples of channel_multiple(), on the CPU. f32 takes
/// F(4×4, 3×3); bf16 takes F(3×3, 3×3) with products of bf16 pairs where the processor has them, else F(4×4,
/// 3×3) in f32. The plan reads the f32 master itself (nothing packed is kept), and its results do not depend
/// on the number of threads.
std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape&, Dtype);

} // namespace heat::kernels::winograd
