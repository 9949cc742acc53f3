#pragma once

// 2-D convolution (cross-correlation) over NHWC with OHWI weights, one plan per shape and dtype:
//   y[n,i,j,o] = bias[o] + Σ_{a,b,c} x[n, i·stride + a − pad_top, j·stride + b − pad_left, c] · w[o,a,b,c]

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

struct ConvolutionShape {
    int n = 0, h = 0, w = 0, c_in = 0, c_out = 0;
    int kernel_h = 3, kernel_w = 3, stride = 1;
    int pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1;

    HEAT_HD int out_h() const { return (h + pad_top + pad_bottom - kernel_h) / stride + 1; }
    HEAT_HD int out_w() const { return (w + pad_left + pad_right - kernel_w) / stride + 1; }
    bool operator==(const ConvolutionShape&) const = default;
};

/// How one convolution is computed. Weights are packed from the f32 OHWI master into the form the
/// implementation reads (once per optimiser step); activations are NHWC of the plan's dtype; weight and bias
/// gradients are f32. Plans are immutable and shared; buffers belong to the caller.
class ConvolutionPlan {
public:
    virtual ~ConvolutionPlan() = default;

    /// Identifies the packed form: plans with equal keys read the same packed buffer (e.g. other batch
    /// sizes), and so do the two passes of a plan whose keys are equal.
    virtual const char* forward_key() const = 0;
    virtual const char* backward_key() const = 0;
    /// 0: the passes read the master itself.
    virtual size_t packed_forward_bytes() const = 0;
    virtual size_t packed_backward_bytes() const = 0;
    /// Whether either packed form is the master's values in bf16, in their order.
    virtual bool packs_by_rounding() const { return false; }
    virtual size_t workspace_bytes() const = 0;
    virtual void pack_forward(const Stream&, const float* weight, void* packed) const = 0;
    virtual void pack_backward(const Stream&, const float* weight, void* packed) const = 0;
    /// y = conv(x) + bias + residual; bias and residual, which is of y's shape and type, may be null.
    virtual void forward(const Stream&, const void* x, const void* packed, const float* bias,
                         const void* residual, void* y, void* workspace) const = 0;
    virtual void backward_data(const Stream&, const void* dy, const void* packed, void* dx,
                               void* workspace) const = 0;
    /// d_weight (OHWI) += …, d_bias += … (may be null).
    virtual void backward_weights(const Stream&, const void* x, const void* dy, float* d_weight,
                                  float* d_bias, void* workspace) const = 0;
    /// What computes it, for `engine info` and profiles, e.g. "onednn jit:avx512_core" or "im2col".
    virtual const char* implementation() const = 0;
};

/// The plan for this shape: made at first use, kept for the process's life, behind a lock. oneDNN on the CPU,
/// cuDNN on the GPU, where it is linked and has an optimised implementation, else im2col + GEMM of our own.
/// On the GPU it keeps to math_mode(). Throws Error for an empty output or invalid sizes.
const ConvolutionPlan& convolution_plan(const Stream&, const ConvolutionShape&, Dtype);

/// y += residual, both of y's shape: what a plan does that cannot add while it computes.
void add_residual(const Stream&, const ConvolutionShape&, Dtype, const void* residual, void* y);

/// The im2col + GEMM plan, on any device (tests compare it with the library's).
const ConvolutionPlan& convolution_plan_portable(const ConvolutionShape&, Dtype);

} // namespace heat::kernels
