#pragma once

// The cuDNN adapter. It speaks raw device pointers like the rest of kernels/; only the sources of this folder
// include the library's headers.

#include "kernels/attention.h"
#include "kernels/convolution.h"

#include <memory>

namespace heat::kernels::cudnn {

/// A plan whose passes are cuDNN's, where it has an engine that keeps math_mode(), and `fallback`'s elsewhere
/// and for pointers that are not aligned to 16 bytes. Null, with a remark, where cuDNN has none for any pass,
/// or does not start: then `fallback` is left as it was. For the current card.
std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape&, Dtype,
                                                       std::unique_ptr<ConvolutionPlan>& fallback);

/// cuDNN's attention in bf16, without a backward pass where it has none that keeps math_mode(); null, with a
/// remark where the shape should have been one that it takes, where it has none at all. For the current card.
std::unique_ptr<FusedAttention> make_fused_attention(const AttentionShape&);

/// "9.19.0".
const char* version();

} // namespace heat::kernels::cudnn
