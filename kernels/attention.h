#pragma once

// Attention in one kernel, where a library has it: y = softmax(q·kᵀ/sqrt(depth))·v for each image and head,
// without the matrix of scores in memory.

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// q, k, v and y are images × tokens × (heads·depth), heads one after the other.
struct AttentionShape {
    int64_t images = 0, tokens = 0, heads = 1, depth = 0;
};

/// Immutable and shared; buffers belong to the caller and are aligned to 16 bytes, in the memory of the
/// stream's device.
class FusedAttention {
public:
    virtual ~FusedAttention() = default;

    /// Whether there is a backward pass too.
    virtual bool has_backward() const = 0;
    virtual size_t forward_workspace_bytes() const = 0;
    virtual size_t backward_workspace_bytes() const = 0;
    /// Also writes what backward needs, images × heads × tokens: the logarithm of each row's sum of
    /// exponentials.
    virtual void forward(const Stream&, const void* q, const void* k, const void* v, void* y,
                         float* statistics, void* workspace) const = 0;
    virtual void backward(const Stream&, const void* q, const void* k, const void* v, const void* y,
                          const float* statistics, const void* dy, void* dq, void* dk, void* dv,
                          void* workspace) const = 0;
    /// What computes it, for profiles.
    virtual const char* implementation() const = 0;
};

/// The plan for this shape, made at first use and kept for the process's life, behind a lock: cuDNN's on the
/// GPU, in bf16, for a depth that it takes. Null elsewhere: the caller composes products and a softmax.
const FusedAttention* fused_attention(const Stream&, const AttentionShape&, Dtype);

} // namespace heat::kernels
