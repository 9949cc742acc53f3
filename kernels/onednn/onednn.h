#pragma once

// The oneDNN adapter: the only place that knows the library. It speaks raw host pointers like the rest of
// kernels/.

#include "kernels/convolution.h"
#include "kernels/gemm.h"

#include <memory>

namespace heat::kernels::onednn {

/// Runs the product if oneDNN has an optimised implementation for it; false where it would fall to its
/// reference loops.
bool gemm(const GemmShape&, const void* a, const void* b, void* d, const float* bias);

/// A plan, or null where oneDNN has no optimised implementation for the shape and dtype.
std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape&, Dtype);

/// "2.6.3 (avx512_core_amx)": version and instruction set in use.
const char* description();
/// Whether the processor has bf16 matrix units that oneDNN drives (AMX): only there is bf16 faster than f32.
bool has_matrix_units();

} // namespace heat::kernels::onednn
