#include "engine/ops/conv2d.h"

#include "engine/profiler.h"
#include "kernels/convolution.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat {
namespace {

kernels::ConvolutionShape shape_of(const Variable& x, const Parameter& weight, int stride, Padding p) {
    const Shape &s = x.shape(), &w = weight.shape();
    if (s.rank() != 4 || w.rank() != 4 || s[3] != w[3])
        throw Error(fmt::format("conv2d: input {} (N×H×W×I) does not fit weight {} (O×KH×KW×I) of {}",
                                s.text(), w.text(), weight.name()));
    return {int(s[0]), int(s[1]), int(s[2]), int(s[3]), int(w[0]), int(w[1]),
            int(w[2]), stride,    p.top,     p.left,    p.bottom,  p.right};
}

/// Products of an output line with a kernel line that lie inside the image, not in its padding.
double products_inside(int extent, int outputs, int kernel, int stride, int pad) {
    double count = 0;
    for (int i = 0; i < outputs; ++i) {
        const int first = i * stride - pad;
        count += std::max(std::min(first + kernel, extent) - std::max(first, 0), 0);
    }
    return count;
}

/// A pass over x and y of this convolution that moves each weight (and bias) in so many bytes.
OpWork work_of(const kernels::ConvolutionShape& s, Dtype dtype, double weight_bytes, double bias_bytes,
               bool residual = false) {
    const double inputs = double(s.n) * s.h * s.w * s.c_in,
                 outputs = double(s.n) * s.out_h() * s.out_w() * s.c_out,
                 weights = double(s.kernel_h) * s.kernel_w * s.c_in * s.c_out;
    const double products = double(s.n) * s.c_in * s.c_out *
                            products_inside(s.h, s.out_h(), s.kernel_h, s.stride, s.pad_top) *
                            products_inside(s.w, s.out_w(), s.kernel_w, s.stride, s.pad_left);
    return {(inputs + (residual ? 2 : 1) * outputs) * double(size_of(dtype)) + weights * weight_bytes +
                s.c_out * bias_bytes,
            2.0 * products + ((bias_bytes > 0) + residual) * outputs,
            fmt::format("{}×{}×{}×{} to {}, {}×{}, stride {}", s.n, s.h, s.w, s.c_in, s.c_out, s.kernel_h,
                        s.kernel_w, s.stride),
            dtype};
}

Storage workspace_for(const kernels::ConvolutionPlan& plan, Device device) {
    return allocate(device, plan.workspace_bytes());
}

/// Whether the plan reads the store's bf16 values, which an update on a card writes in its own pass.
bool reads_rounded(const kernels::ConvolutionPlan& plan, const Tensor& master) {
    return master.device() == Device::cuda && plan.packs_by_rounding();
}

/// The weight as the plan's forward pass reads it: a packed form made once an update, or the master itself.
const void* forward_weight(const kernels::ConvolutionPlan& plan, const Parameter& weight) {
    const Tensor& master = weight.value();
    if (plan.packed_forward_bytes() == 0) return master.raw();
    if (reads_rounded(plan, master)) return weight.bf16_data();
    return weight.derived(plan.forward_key(), plan.packed_forward_bytes(), [&](void* buffer) {
        plan.pack_forward(master.stream(), master.data<float>(), buffer);
    });
}

const void* backward_weight(const kernels::ConvolutionPlan& plan, const Parameter& weight) {
    const Tensor& master = weight.value();
    if (plan.packed_backward_bytes() == 0) return master.raw();
    if (reads_rounded(plan, master)) return weight.bf16_data();
    return weight.derived(plan.backward_key(), plan.packed_backward_bytes(), [&](void* buffer) {
        plan.pack_backward(master.stream(), master.data<float>(), buffer);
    });
}

} // namespace

Variable conv2d(const Variable& x, const Parameter& weight, const Parameter& bias, int stride,
                Padding padding, const Variable& residual) {
    const kernels::ConvolutionShape shape = shape_of(x, weight, stride, padding);
    const kernels::Stream& stream = x.value().stream();
    const kernels::ConvolutionPlan& plan = kernels::convolution_plan(stream, shape, x.dtype());

    const ProfileScope scope("conv2d", x.device(), [&] {
        return work_of(shape, x.dtype(), double(size_of(x.dtype())), bias.defined() ? 4 : 0,
                       residual.defined());
    });
    Tensor y(Shape{shape.n, shape.out_h(), shape.out_w(), shape.c_out}, x.dtype(), x.device());
    if (residual.defined()) expect_same("conv2d: residual", residual.value(), y);
    plan.forward(stream, x.value().raw(), forward_weight(plan, weight),
                 bias.defined() ? bias.value().data<float>() : nullptr,
                 residual.defined() ? residual.value().raw() : nullptr, y.raw(),
                 workspace_for(plan, x.device()).get());

    const bool wanted = wants_gradient({&x, &residual}, {&weight, &bias});
    return make_result(std::move(y), wanted, [=, &plan](const Tensor& dy) {
        if (residual.defined()) residual.add_gradient(dy);
        const kernels::Stream& s = dy.stream();
        const Storage workspace = workspace_for(plan, dy.device());
        if (weight.trainable()) {
            const ProfileScope weights("conv2d backward weights", dy.device(),
                                       [&] { return work_of(shape, dy.dtype(), 8, bias.defined() ? 8 : 0); });
            plan.backward_weights(s, x.value().raw(), dy.raw(), weight.gradient_data(),
                                  bias.defined() ? bias.gradient_data() : nullptr, workspace.get());
        }
        if (!x.requires_grad()) return;
        const ProfileScope data("conv2d backward data", dy.device(),
                                [&] { return work_of(shape, dy.dtype(), double(size_of(dy.dtype())), 0); });
        Tensor dx(x.shape(), x.dtype(), x.device());
        plan.backward_data(s, dy.raw(), backward_weight(plan, weight), dx.raw(), workspace.get());
        x.add_gradient(std::move(dx));
    });
}

} // namespace heat
