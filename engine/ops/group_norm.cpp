#include "engine/ops/group_norm.h"

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

/// A gradient buffer where v wants one.
Tensor gradient_for(const Variable& v) {
    return v.defined() && v.requires_grad() ? Tensor(v.shape(), v.dtype(), v.device()) : Tensor();
}

} // namespace

Variable group_norm(const Variable& x, const Variable& skip, const Variable& shift, const Parameter& gamma,
                    const Parameter& beta, const GroupNormOptions& options) {
    const kernels::GroupNormShape shape = shape_of(x, skip, shift, gamma, options);
    const Shape& s = x.shape();
    Tensor y(Shape{s[0], s[1], s[2], shape.channels()}, x.dtype(), x.device());
    Tensor statistics(Shape{shape.images, shape.groups, 2}, Dtype::f32, x.device());
    const Storage workspace = allocate(x.device(), kernels::group_norm_workspace_bytes(shape));
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::group_norm_forward<T>(y.stream(), shape, input_of<T>(x, skip, shift, gamma, beta),
                                       y.data<T>(), statistics.data<float>(), workspace.get());
    });
    return make_result(
        std::move(y), wants_gradient({&x, &skip, &shift}, {&gamma, &beta}), [=](const Tensor& dy) {
            Tensor dx = gradient_for(x), d_skip = gradient_for(skip), d_shift = gradient_for(shift);
            const Storage scratch = allocate(dy.device(), kernels::group_norm_workspace_bytes(shape));
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
