#pragma once

// Attention as graphs of operations, as cuDNN matches them to its fused kernels.

#include "kernels/attention.h"
#include "kernels/descriptions/graph_tensor.h"

#include <vector>

namespace heat::kernels {

/// result = a ∘ b, elementwise with extents of 1 broadcast; a·b, the matrix product of each image and head;
/// or of a alone: its exponential, a converted, its sums along the last extent, its transpose.
struct GraphOperation {
    enum class Kind {
        multiply,
        subtract,
        product,
        exponential,
        convert,
        sum,
        transpose
    } kind = Kind::multiply;
    int64_t a = 0, b = 0, result = 0; ///< ids of tensors; b is 0 where there is one operand
};

struct OperationGraph {
    std::vector<GraphTensor> tensors;
    std::vector<GraphOperation> operations;
};

/// Ids of the tensors that have memory. scale and one are f32 scalars; row_sums and dq_sums are scratch in
/// f32.
namespace attention_id {
enum : int64_t { q = 1, k, v, y, statistics, scale, one, dy, dq, dk, dv, row_sums, dq_sums };
} // namespace attention_id

/// q, k, v, y, statistics and scale: the operands of cuDNN's one operation for the forward pass, in bf16.
std::vector<GraphTensor> attention_forward_tensors(const AttentionShape&);

/// p = exp(scale·q·kᵀ − statistics); dv = pᵀ·dy; ds = scale·p∘(dy·vᵀ − Σ dy∘y); dk = dsᵀ·q; dq = ds·k, in
/// bf16 but for what lies between. dq is summed in dq_sums by blocks in any order, or, where it must be
/// deterministic, straight.
OperationGraph attention_backward_graph(const AttentionShape&, bool deterministic);

} // namespace heat::kernels
