#include "kernels/cudnn/backend.h"
#include "kernels/cudnn/cudnn.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/reduce.h"
#include "kernels/remark.h"

#include <algorithm>

namespace heat::kernels::cudnn {
namespace {

class ConvolutionOnCard final : public ConvolutionPlan {
public:
    struct Passes {
        std::optional<Plan> forward, forward_bias, forward_residual, backward_data, backward_weights;
        bool f32_gradient = true; ///< whether backward_weights writes f32, or the activations' type
    };

    ConvolutionOnCard(const ConvolutionShape& s, Dtype dtype, Passes passes,
                      std::unique_ptr<ConvolutionPlan> fallback)
        : s_(s), dtype_(dtype), passes_(std::move(passes)), fallback_(std::move(fallback)),
          rows_(int64_t(s.n) * s.out_h() * s.out_w()),
          weights_(int64_t(s.c_out) * s.kernel_h * s.kernel_w * s.c_in) {
        const auto& shown = passes_.forward_bias ? passes_.forward_bias : passes_.forward;
        implementation_ = shown ? "cudnn " + shown->text() : fallback_->implementation();
    }

    // cuDNN reads what the fallback reads: OHWI of the activations' type, in f32 the master itself.
    const char* forward_key() const override { return fallback_->forward_key(); }
    const char* backward_key() const override { return fallback_->backward_key(); }
    size_t packed_forward_bytes() const override { return fallback_->packed_forward_bytes(); }
    size_t packed_backward_bytes() const override { return fallback_->packed_backward_bytes(); }
    bool packs_by_rounding() const override { return fallback_->packs_by_rounding(); }
    void pack_forward(const Stream& stream, const float* weight, void* packed) const override {
        fallback_->pack_forward(stream, weight, packed);
    }
    void pack_backward(const Stream& stream, const float* weight, void* packed) const override {
        fallback_->pack_backward(stream, weight, packed);
    }
    const char* implementation() const override { return implementation_.c_str(); }

    size_t workspace_bytes() const override {
        size_t bytes = fallback_->workspace_bytes();
        for (const std::optional<Plan>* plan : {&passes_.forward, &passes_.backward_data})
            if (*plan) bytes = std::max(bytes, (*plan)->workspace_bytes());
        for (const std::optional<Plan>* plan : {&passes_.forward_bias, &passes_.forward_residual})
            if (*plan) bytes = std::max(bytes, rounded((*plan)->workspace_bytes()) + rounded_bias_bytes());
        if (passes_.backward_weights)
            bytes =
                std::max(bytes, gradient_offset() + rounded(gradient_bytes()) +
                                    sizeof(float) * size_t(column_sums_workspace_floats(rows_, s_.c_out)));
        return bytes;
    }

    void forward(const Stream& stream, const void* x, const void* packed, const float* bias,
                 const void* residual, void* y, void* workspace) const override {
        using Graph = ConvolutionGraph;
        const bool aligned = aligned_for_graph(x) && aligned_for_graph(packed) && aligned_for_graph(y);
        if (residual) {
            if (!aligned || !bias || !passes_.forward_residual || !takes_bias(bias) ||
                !aligned_for_graph(residual)) {
                forward(stream, x, packed, bias, nullptr, y, workspace);
                add_residual(stream, s_, dtype_, residual, y);
                return;
            }
            passes_.forward_residual->execute(
                stream,
                {{Graph::x_id, x},
                 {Graph::w_id, packed},
                 {Graph::y_id, y},
                 {Graph::bias_id, bias_for(*passes_.forward_residual, stream, bias, workspace)},
                 {Graph::residual_id, residual}},
                workspace);
        } else if (aligned && bias && passes_.forward_bias && takes_bias(bias)) {
            passes_.forward_bias->execute(
                stream,
                {{Graph::x_id, x},
                 {Graph::w_id, packed},
                 {Graph::y_id, y},
                 {Graph::bias_id, bias_for(*passes_.forward_bias, stream, bias, workspace)}},
                workspace);
        } else if (aligned && passes_.forward) {
            passes_.forward->execute(stream, {{Graph::x_id, x}, {Graph::w_id, packed}, {Graph::y_id, y}},
                                     workspace);
            if (!bias) return;
            if (dtype_ == Dtype::f32)
                add_bias(stream, bias, static_cast<float*>(y), rows_, s_.c_out);
            else
                add_bias(stream, bias, static_cast<bf16*>(y), rows_, s_.c_out);
        } else {
            fallback_->forward(stream, x, packed, bias, nullptr, y, workspace);
        }
    }

    void backward_data(const Stream& stream, const void* dy, const void* packed, void* dx,
                       void* workspace) const override {
        using Graph = ConvolutionGraph;
        if (passes_.backward_data && aligned_for_graph(dy) && aligned_for_graph(packed) &&
            aligned_for_graph(dx))
            passes_.backward_data->execute(
                stream, {{Graph::x_id, dx}, {Graph::w_id, packed}, {Graph::y_id, dy}}, workspace);
        else
            fallback_->backward_data(stream, dy, packed, dx, workspace);
    }

    void backward_weights(const Stream& stream, const void* x, const void* dy, float* d_weight, float* d_bias,
                          void* workspace) const override {
        if (!passes_.backward_weights || !aligned_for_graph(x) || !aligned_for_graph(dy)) {
            fallback_->backward_weights(stream, x, dy, d_weight, d_bias, workspace);
            return;
        }
        using Graph = ConvolutionGraph;
        std::byte* gradient = static_cast<std::byte*>(workspace) + gradient_offset();
        passes_.backward_weights->execute(
            stream, {{Graph::x_id, x}, {Graph::w_id, gradient}, {Graph::y_id, dy}}, workspace);
        if (passes_.f32_gradient)
            accumulate(stream, reinterpret_cast<const float*>(gradient), d_weight, weights_);
        else
            accumulate(stream, reinterpret_cast<const bf16*>(gradient), d_weight, weights_);
        if (!d_bias) return;
        auto* scratch = reinterpret_cast<float*>(gradient + rounded(gradient_bytes()));
        if (dtype_ == Dtype::f32)
            column_sums(stream, static_cast<const float*>(dy), rows_, s_.c_out, d_bias, scratch);
        else
            column_sums(stream, static_cast<const bf16*>(dy), rows_, s_.c_out, d_bias, scratch);
    }

private:
    // cuDNN adds a bias of y's type: one of bf16 is rounded behind the plan's own workspace.
    size_t rounded_bias_bytes() const { return dtype_ == Dtype::f32 ? 0 : size_t(s_.c_out) * sizeof(bf16); }
    bool takes_bias(const float* bias) const { return dtype_ != Dtype::f32 || aligned_for_graph(bias); }
    const void* bias_for(const Plan& plan, const Stream& stream, const float* bias, void* workspace) const {
        if (dtype_ == Dtype::f32) return bias;
        auto* of_y =
            reinterpret_cast<bf16*>(static_cast<std::byte*>(workspace) + rounded(plan.workspace_bytes()));
        cast(stream, bias, of_y, s_.c_out);
        return of_y;
    }

    // The workspace of backward_weights: cuDNN's, the gradient before it is added, scratch of the bias's.
    size_t gradient_offset() const { return rounded(passes_.backward_weights->workspace_bytes()); }
    size_t gradient_bytes() const {
        return size_t(weights_) * (passes_.f32_gradient ? sizeof(float) : sizeof(bf16));
    }

    ConvolutionShape s_;
    Dtype dtype_;
    Passes passes_;
    std::unique_ptr<ConvolutionPlan> fallback_;
    int64_t rows_, weights_;
    std::string implementation_;
};

std::string text_of(const ConvolutionShape& s, Dtype dtype) {
    return std::to_string(s.kernel_h) + "×" + std::to_string(s.kernel_w) + " convolution of " +
           std::to_string(s.n) + "×" + std::to_string(s.h) + "×" + std::to_string(s.w) + "×" +
           std::to_string(s.c_in) + " to " + std::to_string(s.c_out) + " channels in " + name_of(dtype);
}

void tell(const std::string& which, const std::string& reason) {
    remark_once("cudnn convolution",
                "cuDNN: " + which + ": " + reason +
                    ": the engine's own, slower code computes it (further shapes are not named)");
}

} // namespace

std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape& s, Dtype dtype,
                                                       std::unique_ptr<ConvolutionPlan>& fallback) {
    ConvolutionOnCard::Passes passes;
    std::string reason;
    try {
        const Descriptor& device = current_device();
        const MathMode mode = math_mode();
        const auto make = [&](ConvolutionPass pass, Dtype weights) {
            return make_convolution_pass(convolution_graph(s, dtype, weights, pass), device, mode, &reason);
        };
        const auto tell_without = [&](ConvolutionPass pass) {
            tell(text_of(s, dtype) + ", " + name_of(pass), reason);
        };
        passes.forward_bias = make(ConvolutionPass::forward_bias, dtype);
        if (s.stride == 1) passes.forward_residual = make(ConvolutionPass::forward_residual, dtype);
        passes.forward = make(ConvolutionPass::forward, dtype);
        if (!passes.forward) tell_without(ConvolutionPass::forward);
        passes.backward_data = make(ConvolutionPass::backward_data, dtype);
        if (!passes.backward_data) tell_without(ConvolutionPass::backward_data);
        // From bf16 cuDNN (9.19, 9.26) has no engine that writes f32.
        passes.backward_weights = make(ConvolutionPass::backward_weights, dtype);
        passes.f32_gradient = dtype == Dtype::f32;
        if (!passes.backward_weights) tell_without(ConvolutionPass::backward_weights);
    } catch (const Error& e) {
        tell(text_of(s, dtype), e.what());
        return nullptr;
    }
    if (!passes.forward && !passes.forward_bias && !passes.backward_data && !passes.backward_weights)
        return nullptr;
    return std::make_unique<ConvolutionOnCard>(s, dtype, std::move(passes), std::move(fallback));
}

const char* version() {
    static const std::string text = [] {
        const size_t v = cudnnGetVersion();
        return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
               std::to_string(v % 100);
    }();
    return text.c_str();
}

} // namespace heat::kernels::cudnn
