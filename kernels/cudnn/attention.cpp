#include "kernels/cudnn/backend.h"
#include "kernels/cudnn/cudnn.h"
#include "kernels/error.h"
#include "kernels/remark.h"

#include <cuda_runtime_api.h>

#include <cmath>
#include <map>

namespace heat::kernels::cudnn {
namespace {

namespace id = attention_id;

class AttentionOnCard final : public FusedAttention {
public:
    AttentionOnCard(const AttentionShape& s, Plan forward, std::optional<Plan> backward, bool deterministic)
        : forward_(std::move(forward)), backward_(std::move(backward)), deterministic_(deterministic),
          rows_(size_t(s.images * s.heads * s.tokens)), depth_(size_t(s.depth)),
          scale_(1.f / std::sqrt(float(s.depth))), implementation_("cudnn " + forward_.text()) {}

    bool has_backward() const override { return backward_.has_value(); }
    size_t forward_workspace_bytes() const override { return forward_.workspace_bytes(); }
    size_t backward_workspace_bytes() const override {
        if (!backward_) return 0;
        return dq_sums_offset() + (deterministic_ ? 0 : rows_ * depth_ * sizeof(float));
    }
    const char* implementation() const override { return implementation_.c_str(); }

    void forward(const Stream& stream, const void* q, const void* k, const void* v, void* y,
                 float* statistics, void* workspace) const override {
        forward_.execute(stream,
                         {{id::q, q},
                          {id::k, k},
                          {id::v, v},
                          {id::y, y},
                          {id::statistics, statistics},
                          {id::scale, &scale_}},
                         workspace);
    }

    void backward(const Stream& stream, const void* q, const void* k, const void* v, const void* y,
                  const float* statistics, const void* dy, void* dq, void* dk, void* dv,
                  void* workspace) const override {
        if (!backward_) throw Error("attention: cuDNN has no backward pass for this shape");
        const auto* scratch = static_cast<const std::byte*>(workspace);
        std::vector<Plan::Operand> operands{{id::q, q},
                                            {id::k, k},
                                            {id::v, v},
                                            {id::y, y},
                                            {id::statistics, statistics},
                                            {id::scale, &scale_},
                                            {id::one, &one_},
                                            {id::dy, dy},
                                            {id::dq, dq},
                                            {id::dk, dk},
                                            {id::dv, dv},
                                            {id::row_sums, scratch + row_sums_offset()}};
        if (!deterministic_) operands.push_back({id::dq_sums, scratch + dq_sums_offset()});
        backward_->execute(stream, operands, workspace);
    }

private:
    // The workspace of backward: cuDNN's, row_sums, dq_sums.
    size_t row_sums_offset() const { return rounded(backward_->workspace_bytes()); }
    size_t dq_sums_offset() const { return row_sums_offset() + rounded(rows_ * sizeof(float)); }

    Plan forward_;
    std::optional<Plan> backward_;
    bool deterministic_;
    size_t rows_, depth_;
    float scale_, one_ = 1.f;
    std::string implementation_;
};

cudnnPointwiseMode_t mode_of(GraphOperation::Kind kind) {
    using Kind = GraphOperation::Kind;
    return kind == Kind::multiply      ? CUDNN_POINTWISE_MUL
           : kind == Kind::subtract    ? CUDNN_POINTWISE_SUB
           : kind == Kind::exponential ? CUDNN_POINTWISE_EXP
                                       : CUDNN_POINTWISE_IDENTITY;
}

/// One operation; what it is made of besides tensors is added to `parts`.
Descriptor operation(const GraphOperation& o, const std::map<int64_t, const Descriptor*>& tensors,
                     std::vector<Descriptor>& parts) {
    using Kind = GraphOperation::Kind;
    const Descriptor &a = *tensors.at(o.a), &result = *tensors.at(o.result);
    if (o.kind == Kind::product) {
        Descriptor product(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
        product.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
        Descriptor d(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a)
            .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *tensors.at(o.b))
            .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, result)
            .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, product)
            .finalize();
        parts.push_back(std::move(product));
        return d;
    }
    if (o.kind == Kind::sum) {
        const cudnnReduceTensorOp_t addition = CUDNN_REDUCE_TENSOR_ADD;
        Descriptor reduction(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
        reduction.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &addition)
            .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
            .finalize();
        Descriptor d(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, a)
            .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, result)
            .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, reduction)
            .finalize();
        parts.push_back(std::move(reduction));
        return d;
    }
    if (o.kind == Kind::transpose) { // the same memory under other strides
        Descriptor d(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, a)
            .set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, result)
            .finalize();
        return d;
    }
    Descriptor mode = pointwise_descriptor(mode_of(o.kind));
    Descriptor d(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, mode).set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    if (o.b) d.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *tensors.at(o.b));
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result).finalize();
    parts.push_back(std::move(mode));
    return d;
}

/// The major number of the current card's compute capability; 0 where it cannot be asked.
int compute_capability() {
    int device = 0, major = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) != cudaSuccess)
        return 0;
    return major;
}

/// Whether cuDNN is known to be right for the shape: head depths its kernels take, and a release in which the
/// last block of keys need not be full.
bool supported(const AttentionShape& s, MathMode mode) {
    if (cudnnGetVersion() < 91600) {
        remark_once("cudnn attention version",
                    "cuDNN: fused attention takes 9.16 or later; it is composed of products and a softmax");
        return false;
    }
    const int major = compute_capability();
    if (major < 8 || s.depth % 8 != 0 || s.depth > 256 || s.tokens < 2) return false;
    return !(mode.deterministic && major > 9);
}

/// Its backward pass takes less deep heads on most cards.
bool supports_backward(const AttentionShape& s) {
    return s.depth <= (compute_capability() == 9 ? 256 : 128);
}

} // namespace

std::optional<Plan> make_attention_forward(const AttentionShape& s, const Descriptor& device, MathMode mode,
                                           std::string* reason) {
    const auto add_parts = [&](std::vector<Descriptor>& parts) -> size_t {
        for (const GraphTensor& t : attention_forward_tensors(s)) parts.push_back(tensor_descriptor(t));
        Descriptor d(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, parts[0])
            .set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, parts[1])
            .set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, parts[2])
            .set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, parts[3])
            .set(CUDNN_ATTR_OPERATION_SDPA_FWD_STATSDESC, parts[4])
            .set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, parts[5])
            .finalize();
        parts.push_back(std::move(d));
        return 1;
    };
    return make_plan(add_parts, device, mode, Dtype::bf16, reason);
}

std::optional<Plan> make_attention_backward(const AttentionShape& s, const Descriptor& device, MathMode mode,
                                            std::string* reason) {
    const auto add_parts = [&](std::vector<Descriptor>& parts) {
        const OperationGraph graph = attention_backward_graph(s, mode.deterministic);
        std::vector<Descriptor> operations;
        parts.reserve(graph.tensors.size() + 2 * graph.operations.size()); // tensors are pointed at
        std::map<int64_t, const Descriptor*> tensors;
        for (const GraphTensor& t : graph.tensors) {
            parts.push_back(tensor_descriptor(t));
            tensors[t.id] = &parts.back();
        }
        for (const GraphOperation& o : graph.operations) operations.push_back(operation(o, tensors, parts));
        for (Descriptor& d : operations) parts.push_back(std::move(d));
        return operations.size();
    };
    return make_plan(add_parts, device, mode, Dtype::bf16, reason);
}

std::unique_ptr<FusedAttention> make_fused_attention(const AttentionShape& s) {
    const MathMode mode = math_mode();
    if (!supported(s, mode)) return nullptr;
    std::string reason;
    try {
        const Descriptor& device = current_device();
        if (auto forward = make_attention_forward(s, device, mode, &reason)) {
            auto backward =
                supports_backward(s) ? make_attention_backward(s, device, mode, &reason) : std::nullopt;
            if (!supports_backward(s)) reason = "so deep a head is for its forward pass alone on this card";
            if (backward)
                return std::make_unique<AttentionOnCard>(s, std::move(*forward), std::move(backward),
                                                         mode.deterministic);
            remark_once("cudnn attention", "cuDNN: no backward pass for attention of " +
                                               std::to_string(s.tokens) + " tokens, depth " +
                                               std::to_string(s.depth) + ": " + reason +
                                               ": training composes it of products and a softmax");
            return std::make_unique<AttentionOnCard>(s, std::move(*forward), std::nullopt,
                                                     mode.deterministic);
        }
    } catch (const Error& e) {
        reason = e.what();
    }
    remark_once("cudnn attention", "cuDNN: no attention of " + std::to_string(s.tokens) + " tokens, depth " +
                                       std::to_string(s.depth) + ": " + reason +
                                       ": it is composed of products and a softmax");
    return nullptr;
}

} // namespace heat::kernels::cudnn
