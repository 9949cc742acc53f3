#include "kernels/convolution.h"

#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/gemm.h"
#include "kernels/im2col.h"
#include "kernels/math_mode.h"
#include "kernels/reduce.h"
#include "kernels/winograd/winograd.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#if defined(HEAT_WITH_ONEDNN)
#include "kernels/onednn/onednn.h"
#endif
#if defined(HEAT_WITH_CUDNN)
#include "kernels/cudnn/cudnn.h"
#endif

namespace heat::kernels {
namespace {

/// im2col + GEMM, on any device. A few images at a time, so that the patch matrix stays near 16 MiB.
class PortablePlan final : public ConvolutionPlan {
public:
    PortablePlan(const ConvolutionShape& s, Dtype dtype)
        : s_(s), dtype_(dtype), positions_(int64_t(s.out_h()) * s.out_w()),
          width_(int64_t(s.kernel_h) * s.kernel_w * s.c_in) {
        const int64_t per_image = positions_ * width_ * int64_t(size_of(dtype));
        images_ = int(std::clamp<int64_t>((16 << 20) / std::max<int64_t>(per_image, 1), 1, s.n));
        key_ = std::string("plain:") + name_of(dtype);
    }

    const char* forward_key() const override { return key_.c_str(); }
    const char* backward_key() const override { return key_.c_str(); }
    // OHWI of the activations' type: in f32 the master itself.
    size_t packed_forward_bytes() const override {
        return dtype_ == Dtype::f32 ? 0 : size_t(s_.c_out * width_) * size_of(dtype_);
    }
    size_t packed_backward_bytes() const override { return packed_forward_bytes(); }
    bool packs_by_rounding() const override { return dtype_ == Dtype::bf16; }
    const char* implementation() const override { return "im2col"; }
    size_t workspace_bytes() const override {
        return columns_bytes() + sizeof(float) * size_t(column_sums_workspace_floats(rows(s_.n), s_.c_out));
    }

    void pack_forward(const Stream& stream, const float* weight, void* packed) const override {
        if (dtype_ == Dtype::bf16) cast(stream, weight, static_cast<bf16*>(packed), s_.c_out * width_);
    }
    void pack_backward(const Stream& stream, const float* weight, void* packed) const override {
        pack_forward(stream, weight, packed);
    }

    void forward(const Stream& stream, const void* x, const void* packed, const float* bias,
                 const void* residual, void* y, void* workspace) const override {
        for_each_chunk([&](int first, int count) {
            gather(stream, first, count, x, workspace);
            GemmShape g = shape(rows(count), s_.c_out, width_);
            g.a = {width_, 1};
            g.b = {1, width_};
            g.d = {s_.c_out, 1};
            g.output = dtype_;
            g.bias = bias != nullptr;
            gemm(stream, g, workspace, packed, at(y, first * positions_ * s_.c_out), bias);
        });
        if (residual) add_residual(stream, s_, dtype_, residual, y);
    }

    void backward_data(const Stream& stream, const void* dy, const void* packed, void* dx,
                       void* workspace) const override {
        for_each_chunk([&](int first, int count) {
            GemmShape g = shape(rows(count), width_, s_.c_out);
            g.a = {s_.c_out, 1};
            g.b = {width_, 1};
            g.d = {width_, 1};
            g.output = dtype_;
            gemm(stream, g, at(dy, first * positions_ * s_.c_out), packed, workspace);
            void* target = at(dx, int64_t(first) * s_.h * s_.w * s_.c_in);
            if (dtype_ == Dtype::f32)
                col2im(stream, s_, count, static_cast<const float*>(workspace), static_cast<float*>(target));
            else
                col2im(stream, s_, count, static_cast<const bf16*>(workspace), static_cast<bf16*>(target));
        });
    }

    void backward_weights(const Stream& stream, const void* x, const void* dy, float* d_weight, float* d_bias,
                          void* workspace) const override {
        for_each_chunk([&](int first, int count) {
            gather(stream, first, count, x, workspace);
            GemmShape g = shape(s_.c_out, width_, rows(count));
            g.a = {1, s_.c_out};
            g.b = {width_, 1};
            g.d = {width_, 1};
            g.accumulate = true;
            gemm(stream, g, at(dy, first * positions_ * s_.c_out), workspace, d_weight);
        });
        if (!d_bias) return;
        auto* scratch = reinterpret_cast<float*>(static_cast<std::byte*>(workspace) + columns_bytes());
        if (dtype_ == Dtype::f32)
            column_sums(stream, static_cast<const float*>(dy), rows(s_.n), s_.c_out, d_bias, scratch);
        else
            column_sums(stream, static_cast<const bf16*>(dy), rows(s_.n), s_.c_out, d_bias, scratch);
    }

private:
    int64_t rows(int images) const { return images * positions_; }
    size_t columns_bytes() const { return (size_t(rows(images_) * width_) * size_of(dtype_) + 63) / 64 * 64; }
    GemmShape shape(int64_t m, int64_t n, int64_t k) const {
        GemmShape g;
        g.m = m;
        g.n = n;
        g.k = k;
        g.input = dtype_;
        return g;
    }
    const void* at(const void* p, int64_t element) const {
        return static_cast<const std::byte*>(p) + element * int64_t(size_of(dtype_));
    }
    void* at(void* p, int64_t element) const {
        return static_cast<std::byte*>(p) + element * int64_t(size_of(dtype_));
    }

    template <class F>
    void for_each_chunk(F f) const {
        for (int first = 0; first < s_.n; first += images_) f(first, std::min(images_, s_.n - first));
    }

    void gather(const Stream& stream, int first, int count, const void* x, void* columns) const {
        const void* from = at(x, int64_t(first) * s_.h * s_.w * s_.c_in);
        if (dtype_ == Dtype::f32)
            im2col(stream, s_, count, static_cast<const float*>(from), static_cast<float*>(columns));
        else
            im2col(stream, s_, count, static_cast<const bf16*>(from), static_cast<bf16*>(columns));
    }

    ConvolutionShape s_;
    Dtype dtype_;
    int64_t positions_, width_;
    int images_;
    std::string key_;
};

using Key = std::array<int, 16>;

Key key_of(const ConvolutionShape& s, Dtype dtype, bool on_cuda, bool portable) {
    const MathMode mode = on_cuda ? math_mode() : MathMode{};
    return {s.n,        s.h,        s.w,          s.c_in,
            s.c_out,    s.kernel_h, s.kernel_w,   s.stride,
            s.pad_top,  s.pad_left, s.pad_bottom, s.pad_right,
            int(dtype), on_cuda,    portable,     mode.tf32 + 2 * mode.deterministic};
}

void check(const ConvolutionShape& s, Dtype dtype) {
    if (s.n < 1 || s.h < 1 || s.w < 1 || s.c_in < 1 || s.c_out < 1 || s.stride < 1 || s.kernel_h < 1 ||
        s.kernel_w < 1)
        throw Error("convolution: extents, kernel and stride must be positive");
    if (s.h + s.pad_top + s.pad_bottom < s.kernel_h || s.w + s.pad_left + s.pad_right < s.kernel_w)
        throw Error("convolution: a " + std::to_string(s.kernel_h) + "×" + std::to_string(s.kernel_w) +
                    " kernel is larger than the padded " + std::to_string(s.h) + "×" + std::to_string(s.w) +
                    " image");
    if (dtype == Dtype::i32) throw Error("convolution: activations are f32 or bf16, got i32");
}

std::unique_ptr<ConvolutionPlan> make_plan(const ConvolutionShape& s, Dtype dtype, bool on_cuda,
                                           bool portable) {
    if (!on_cuda && !portable) {
#if defined(HEAT_WITH_ONEDNN)
        const bool matrix_units =
            dtype == Dtype::bf16 && onednn::has_matrix_units(); // faster than any saving
#else
        constexpr bool matrix_units = false;
#endif
        if (!matrix_units && winograd::pays(s, dtype)) return winograd::make_convolution_plan(s, dtype);
#if defined(HEAT_WITH_ONEDNN)
        if (auto plan = onednn::make_convolution_plan(s, dtype)) return plan;
#endif
    }
    std::unique_ptr<ConvolutionPlan> own = std::make_unique<PortablePlan>(s, dtype);
#if defined(HEAT_WITH_CUDNN)
    if (on_cuda && !portable)
        if (auto plan = cudnn::make_convolution_plan(s, dtype, own)) return plan;
#endif
    return own;
}

const ConvolutionPlan& cached_plan(const ConvolutionShape& s, Dtype dtype, bool on_cuda, bool portable) {
    check(s, dtype);
    static std::mutex mutex;
    static auto& plans = *new std::map<Key, std::unique_ptr<ConvolutionPlan>>(); // outlives the driver's end
    std::lock_guard lock(mutex);
    auto& plan = plans[key_of(s, dtype, on_cuda, portable)];
    if (!plan) plan = make_plan(s, dtype, on_cuda, portable);
    return *plan;
}

} // namespace

const ConvolutionPlan& convolution_plan(const Stream& stream, const ConvolutionShape& s, Dtype dtype) {
    return cached_plan(s, dtype, stream.on_cuda, false);
}

void add_residual(const Stream& stream, const ConvolutionShape& s, Dtype dtype, const void* residual,
                  void* y) {
    const int64_t n = int64_t(s.n) * s.out_h() * s.out_w() * s.c_out;
    const auto add = [&]<class T>(const T* from, T* to) {
        linear_combination(stream, 1.f, to, 1.f, from, to, n);
    };
    if (dtype == Dtype::f32)
        add(static_cast<const float*>(residual), static_cast<float*>(y));
    else
        add(static_cast<const bf16*>(residual), static_cast<bf16*>(y));
}

const ConvolutionPlan& convolution_plan_portable(const ConvolutionShape& s, Dtype dtype) {
    return cached_plan(s, dtype, false, true);
}

} // namespace heat::kernels
