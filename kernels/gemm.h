#pragma once

// Batched matrix products over strided views: D = alpha · A·B + beta · D + bias.

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// A matrix of a batch, in elements. Element (b0, b1, r, c) is at b0·batch0 + b1·batch1 + r·row + c·column.
struct MatrixView {
    int64_t row = 0, column = 1, batch0 = 0, batch1 = 0;
};

struct GemmShape {
    int64_t m = 0, n = 0, k = 0;
    int64_t batch0 = 1, batch1 = 1;
    MatrixView a, b, d;        ///< A is m × k, B is k × n, D is m × n
    Dtype input = Dtype::f32;  ///< of A and B: f32 or bf16
    Dtype output = Dtype::f32; ///< of D: f32 or bf16; products accumulate in f32
    float alpha = 1.f;
    bool accumulate = false; ///< beta = 1: adds to D
    bool bias = false;       ///< adds bias[n], f32
    bool strict_f32 = false; ///< never in TF32, whatever math_mode() allows: for transforms
};

/// The library for the stream's device where one is linked (oneDNN on the CPU, cuBLASLt on the GPU), else
/// gemm_portable. On the GPU products of f32 are in TF32 unless math_mode() forbids it. Throws Error where
/// the shape is invalid.
void gemm(const Stream&, const GemmShape&, const void* a, const void* b, void* d,
          const float* bias = nullptr);

/// Our own single-source product: correct for every view, fast enough to train small networks; the library's
/// neighbour in the tests and its stand-in where none is linked.
void gemm_portable(const Stream&, const GemmShape&, const void* a, const void* b, void* d, const float* bias);

} // namespace heat::kernels
