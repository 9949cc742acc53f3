#include "engine/ops/group_norm.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/group_norm.h"

#include <fmt/format.h>

namespace heat {
namespace {

kernels::GroupNormShape shape_of(const Variable& x, const Variable& skip, const Variable& shift,
                                 const Parameter& gamma, const GroupNormOptions& options) {
    const Shape& s = x.shape();
    if (s.rank() != 4) throw Error(fmt::format("group_norm: expected N×H×W×C, got {}", s.text()));
    if (skip.defined()) {
        expect_shape("group_norm skip", skip.value(), Shape{s[0], s[1], s[2], skip.shape().back()});
        if (skip.dtype() != x.dtype())
            throw Error("group_norm: x and skip have different types; cast one of them");
    }
    kernels::GroupNormShape shape;
    shape.images = int(s[0]);
    shape.rows = int(s[1] * s[2]);
    shape.channels_x = int(s[3]);
    shape.channels_skip = skip.defined() ? int(skip.shape().back()) : 0;
    shape.groups = options.groups;
    shape.epsilon = options.epsilon;
    shape.silu = options.silu;
    if (shape.groups < 1 || shape.channels() % shape.groups)
        throw Error(fmt::format("group_norm: {} channels do not divide into {} groups", shape.channels(),
                                shape.groups));
    if (gamma.shape().count() != shape.channels())
        throw Error(fmt::format("group_norm: {} channels, but {} has {}", shape.channels(), gamma.name(),
                                gamma.shape().text()));
    if (shift.defined()) {
        expect_shape("group_norm shift", shift.value(), Shape{s[0], shape.channels()});
        if (shift.dtype() != x.dtype())
            throw Error("group_norm: x and shift have different types; cast one of them");
    }
    return shape;
}

template <class T>
kernels::GroupNormInput<T> input_of(const Variable& x, const Variable& skip, const Variable& shift,
                                    const Parameter& gamma, const Parameter& beta) {
    return {x.value().data<T>(), skip.defined() ? skip.value().data<T>() : nullptr,
            shift.defined() ? shift.value().data<T>() : nullptr, gamma.value().data<float>(),
            beta.value().data<float>()};
}

/// `arrays` passes over something of u's size. Operations on each element: see the callers.
OpWork work_of(const kernels::GroupNormShape& s, Dtype dtype, bool shift, int arrays, double per_element) {
    const double elements = double(s.images) * s.rows * s.channels(), size = double(size_of(dtype));
    const double shifts = shift ? double(s.images) * s.channels() * size : 0.0;
    // gamma and beta; backward (arrays > 2) reads gamma, beta for SiLU, and adds to both gradients.
    const double parameters = (arrays > 2 ? (s.silu ? 24.0 : 20.0) : 8.0) * s.channels();
    return {arrays * elements * size + (arrays > 2 ? 2.0 : 1.0) * shifts + parameters, elements * per_element,
            fmt::format("{}×{}×{} in {} groups{}{}", s.images, s.rows, s.channels(), s.groups,
                        shift ? ", shift" : "", s.silu ? ", silu" : ""),
            dtype};
}

/// A gradient buffer where v wants one.
Tensor gradient_for(const Variable& v) {
    return v.defined() && v.requires_grad() ? Tensor(v.shape(), v.dtype(), v.device()) : Tensor();
}

} // namespace

Variable group_norm(const Variable& x, const Variable& skip, const Variable& shift, const Parameter& gamma,
                    const Parameter& beta, const GroupNormOptions& options) {
    const kernels::GroupNormShape shape = shape_of(x, skip, shift, gamma, options);
    const Shape& s = x.shape();
    const bool shifted = shift.defined();
    // An element joins the mean (1) and the variance (3), is scaled and moved (2); shift 1, silu 4.
    const ProfileScope scope("group_norm", x.device(), [&] {
        return work_of(shape, x.dtype(), shifted, 2, 6.0 + (shifted ? 1 : 0) + (shape.silu ? 4 : 0));
    });
    Tensor y(Shape{s[0], s[1], s[2], shape.channels()}, x.dtype(), x.device());
    Tensor statistics(Shape{shape.images, shape.groups, 2}, Dtype::f32, x.device());
    const Storage workspace = allocate(x.device(), kernels::group_norm_workspace_bytes(y.stream(), shape));
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::group_norm_forward<T>(y.stream(), shape, input_of<T>(x, skip, shift, gamma, beta),
                                       y.data<T>(), statistics.data<float>(), workspace.get());
    });
    return make_result(
        std::move(y), wants_gradient({&x, &skip, &shift}, {&gamma, &beta}), [=](const Tensor& dy) {
            // It is normalised again (2), joins two sums (3), dx is a combination (5); silu' and its
            // argument 10.
            const ProfileScope backward("group_norm backward", dy.device(), [&] {
                return work_of(shape, dy.dtype(), shifted, 3,
                               10.0 + (shifted ? 1 : 0) + (shape.silu ? 10 : 0));
            });
            Tensor dx = gradient_for(x), d_skip = gradient_for(skip), d_shift = gradient_for(shift);
            const Storage scratch =
                allocate(dy.device(), kernels::group_norm_workspace_bytes(dy.stream(), shape));
            with_activation_type(dy.dtype(), [&]<class T>(T) {
                const kernels::GroupNormGradients<T> gradients{
                    dx.defined() ? dx.data<T>() : nullptr, d_skip.defined() ? d_skip.data<T>() : nullptr,
                    d_shift.defined() ? d_shift.data<T>() : nullptr,
                    gamma.trainable() ? gamma.gradient_data() : nullptr,
                    beta.trainable() ? beta.gradient_data() : nullptr};
                kernels::group_norm_backward<T>(dy.stream(), shape, input_of<T>(x, skip, shift, gamma, beta),
                                                statistics.data<float>(), dy.data<T>(), gradients,
                                                scratch.get());
            });
            if (dx.defined()) x.add_gradient(std::move(dx));
            if (d_skip.defined()) skip.add_gradient(std::move(d_skip));
            if (d_shift.defined()) shift.add_gradient(std::move(d_shift));
        });
}

} // namespace heat
