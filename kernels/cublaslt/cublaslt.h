#pragma once

// The cuBLASLt adapter: the only place that knows the library. It speaks raw device pointers like the rest of
// kernels/.

#include "kernels/gemm.h"

namespace heat::kernels::cublaslt {

/// Launches the product if cuBLASLt has an algorithm for it; false where it has none. The bias of a bf16
/// result is rounded to bf16, as the library wants it.
bool gemm(const Stream&, const GemmShape&, const void* a, const void* b, void* d, const float* bias);

/// "13.1.0".
const char* version();

} // namespace heat::kernels::cublaslt
