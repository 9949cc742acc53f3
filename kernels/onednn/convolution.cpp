#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/onednn/common.h"
#include "kernels/onednn/onednn.h"

#include <string>
#include <string_view>
#include <utility>

namespace heat::kernels::onednn {
namespace {

using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

/// Equal descriptors give equal keys: the descriptor is a plain struct in oneDNN 2.
std::string key_of(const char* prefix, const memory::desc& desc) {
    const std::string_view bytes(reinterpret_cast<const char*>(&desc.data), sizeof desc.data);
    return prefix + std::to_string(std::hash<std::string_view>{}(bytes)) + ":" +
           std::to_string(desc.get_size());
}

/// Activations NHWC; weights in the form the implementation likes best (`any`): plain weight layouts are 3 to
/// 100 times slower.
class Plan final : public ConvolutionPlan {
public:
    Plan(const ConvolutionShape& s, Dtype dtype) : shape_(s), dtype_(dtype) {
        const memory::dims strides{s.stride, s.stride}, low{s.pad_top, s.pad_left},
            high{s.pad_bottom, s.pad_right};
        const memory::dims x_dims{s.n, s.c_in, s.h, s.w}, y_dims{s.n, s.c_out, s.out_h(), s.out_w()};
        const memory::dims w_dims{s.c_out, s.c_in, s.kernel_h, s.kernel_w};
        const auto type = type_of(dtype);
        const auto direct = dnnl::algorithm::convolution_direct;
        x_ = memory::desc(x_dims, type, Tag::nhwc);
        y_ = memory::desc(y_dims, type, Tag::nhwc);
        bias_ = memory::desc({s.c_out}, memory::data_type::f32, Tag::x);
        master_ = memory::desc(w_dims, memory::data_type::f32, Tag::ohwi);
        const memory::desc any(w_dims, type, Tag::any), any_f32(w_dims, memory::data_type::f32, Tag::any);

        using Forward = dnnl::convolution_forward;
        const Forward::primitive_desc forward(
            {prop_kind::forward_training, direct, x_, any, y_, strides, low, high}, engine());
        const Forward::primitive_desc forward_bias(
            {prop_kind::forward_training, direct, x_, any, bias_, y_, strides, low, high}, engine());
        const dnnl::convolution_backward_data::primitive_desc data({direct, x_, any, y_, strides, low, high},
                                                                   engine(), forward);
        using Weights = dnnl::convolution_backward_weights;
        const Weights::primitive_desc weights({direct, x_, any_f32, y_, strides, low, high}, engine(),
                                              forward);
        const Weights::primitive_desc weights_bias({direct, x_, any_f32, bias_, y_, strides, low, high},
                                                   engine(), forward_bias);

        implementation_ = std::string("onednn ") + forward.impl_info_str();
        optimised_ = !is_reference(forward.impl_info_str()) && !is_reference(forward_bias.impl_info_str()) &&
                     !is_reference(data.impl_info_str()) && !is_reference(weights.impl_info_str()) &&
                     forward.weights_desc() == forward_bias.weights_desc();
        if (!optimised_) return;
        forward_ = Forward(forward);
        forward_bias_ = Forward(forward_bias);
        data_ = dnnl::convolution_backward_data(data);
        weights_ = Weights(weights);
        weights_bias_ = Weights(weights_bias);
        forward_weight_ = forward.weights_desc();
        backward_weight_ = data.weights_desc();
        weight_gradient_ = weights.diff_weights_desc();
        weight_gradient_bias_ = weights_bias.diff_weights_desc();
        forward_key_ = key_of("onednn:", forward_weight_);
        backward_key_ = key_of("onednn:", backward_weight_);
    }

    bool optimised() const { return optimised_; }
    const char* forward_key() const override { return forward_key_.c_str(); }
    const char* backward_key() const override { return backward_key_.c_str(); }
    size_t packed_forward_bytes() const override { return forward_weight_.get_size(); }
    size_t packed_backward_bytes() const override { return backward_weight_.get_size(); }
    const char* implementation() const override { return implementation_.c_str(); }

    size_t workspace_bytes() const override {
        return aligned(weight_gradient_.get_size()) + aligned(weight_gradient_bias_.get_size()) +
               aligned(master_.get_size()) + aligned(bias_.get_size());
    }

    void pack_forward(const Stream&, const float* weight, void* packed) const override {
        pack(weight, forward_weight_, packed);
    }
    void pack_backward(const Stream&, const float* weight, void* packed) const override {
        pack(weight, backward_weight_, packed);
    }

    void forward(const Stream& host, const void* x, const void* packed, const float* bias,
                 const void* residual, void* y, void*) const override {
        std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, wrap(x_, x)},
                                                  {DNNL_ARG_WEIGHTS, wrap(forward_weight_, packed)},
                                                  {DNNL_ARG_DST, wrap(y_, y)}};
        if (bias) arguments.emplace(DNNL_ARG_BIAS, wrap(bias_, bias));
        run(bias ? forward_bias_ : forward_, arguments);
        if (residual) add_residual(host, shape_, dtype_, residual, y);
    }

    void backward_data(const Stream&, const void* dy, const void* packed, void* dx, void*) const override {
        run(data_, {{DNNL_ARG_DIFF_DST, wrap(y_, dy)},
                    {DNNL_ARG_WEIGHTS, wrap(backward_weight_, packed)},
                    {DNNL_ARG_DIFF_SRC, wrap(x_, dx)}});
    }

    void backward_weights(const Stream& host, const void* x, const void* dy, float* d_weight, float* d_bias,
                          void* workspace) const override {
        auto* cursor = static_cast<std::byte*>(workspace);
        const auto take = [&](const memory::desc& desc) {
            return wrap(desc, std::exchange(cursor, cursor + aligned(desc.get_size())));
        };
        const memory packed = take(d_bias ? weight_gradient_bias_ : weight_gradient_);
        const memory plain = take(master_), bias = take(bias_);
        std::unordered_map<int, memory> arguments{
            {DNNL_ARG_SRC, wrap(x_, x)}, {DNNL_ARG_DIFF_DST, wrap(y_, dy)}, {DNNL_ARG_DIFF_WEIGHTS, packed}};
        if (d_bias) arguments.emplace(DNNL_ARG_DIFF_BIAS, bias);
        run(d_bias ? weights_bias_ : weights_, arguments);
        reorder(packed, plain);
        accumulate<float>(host, static_cast<const float*>(plain.get_data_handle()), d_weight,
                          int64_t(master_.get_size() / 4));
        if (d_bias)
            accumulate<float>(host, static_cast<const float*>(bias.get_data_handle()), d_bias,
                              int64_t(bias_.get_size() / 4));
    }

private:
    static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

    static void run(const dnnl::primitive& primitive, const std::unordered_map<int, memory>& arguments) {
        try {
            primitive.execute(stream(), arguments);
            stream().wait();
        } catch (const dnnl::error& e) {
            throw Error(std::string("oneDNN convolution failed: ") + e.what());
        }
    }

    static void reorder(const memory& from, const memory& to) {
        run(dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
    }

    void pack(const float* weight, const memory::desc& desc, void* packed) const {
        reorder(wrap(master_, weight), wrap(desc, packed));
    }

    ConvolutionShape shape_;
    Dtype dtype_;
    bool optimised_ = false;
    std::string implementation_, forward_key_, backward_key_;
    memory::desc x_, y_, bias_, master_, forward_weight_, backward_weight_, weight_gradient_,
        weight_gradient_bias_;
    dnnl::convolution_forward forward_, forward_bias_;
    dnnl::convolution_backward_data data_;
    dnnl::convolution_backward_weights weights_, weights_bias_;
};

} // namespace

std::unique_ptr<ConvolutionPlan> make_convolution_plan(const ConvolutionShape& shape, Dtype dtype) {
    try {
        auto plan = std::make_unique<Plan>(shape, dtype);
        if (plan->optimised()) return plan;
    } catch (const dnnl::error&) {
        // no implementation for this shape: the caller has its own
    }
    return nullptr;
}

const char* description() {
    static const std::string text = [] {
        const dnnl_version_t* v = dnnl_version();
        const auto isa = dnnl::get_effective_cpu_isa();
        const char* name = isa == dnnl::cpu_isa::avx512_core_amx    ? "avx512_core_amx"
                           : isa == dnnl::cpu_isa::avx512_core_bf16 ? "avx512_core_bf16"
                           : isa == dnnl::cpu_isa::avx512_core_vnni ? "avx512_core_vnni"
                           : isa == dnnl::cpu_isa::avx512_core      ? "avx512_core"
                           : isa == dnnl::cpu_isa::avx2             ? "avx2"
                                                                    : "other instruction set";
        return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch) +
               " (" + name + ")";
    }();
    return text.c_str();
}

bool has_matrix_units() {
    return dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_amx;
}

} // namespace heat::kernels::onednn
