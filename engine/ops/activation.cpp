#include "engine/ops/activation.h"

#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/reduce.h"

#include <fmt/format.h>

namespace heat {

Variable silu(const Variable& x) {
    Tensor y(x.shape(), x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::silu_forward(y.stream(), x.value().data<T>(), y.data<T>(), y.count());
    });
    return make_result(std::move(y), wants_gradient({&x}), [x](const Tensor& dy) {
        Tensor dx(x.shape(), x.dtype(), x.device());
        with_activation_type(x.dtype(), [&]<class T>(T) {
            kernels::silu_backward(dx.stream(), x.value().data<T>(), dy.data<T>(), dx.data<T>(), dx.count());
        });
        x.add_gradient(std::move(dx));
    });
}

Variable add(const Variable& a, const Variable& b) {
    expect_same("add", a.value(), b.value());
    Tensor y(a.shape(), a.dtype(), a.device());
    with_activation_type(a.dtype(), [&]<class T>(T) {
        kernels::linear_combination(y.stream(), 1.f, a.value().data<T>(), 1.f, b.value().data<T>(),
                                    y.data<T>(), y.count());
    });
    return make_result(std::move(y), wants_gradient({&a, &b}), [a, b](const Tensor& dy) {
        a.add_gradient(dy);
        b.add_gradient(dy);
    });
}

Variable reshape(const Variable& x, Shape shape) {
    return make_result(x.value().reshape(std::move(shape)), wants_gradient({&x}),
                       [x](const Tensor& dy) { x.add_gradient(dy.reshape(x.shape())); });
}

Variable add_per_channel(const Variable& x, const Variable& shift) {
    const Shape& s = x.shape();
    if (s.rank() != 4) throw Error(fmt::format("add_per_channel: expected N×H×W×C, got {}", s.text()));
    expect_shape("add_per_channel shift", shift.value(), Shape{s[0], s[3]});
    if (x.dtype() != shift.dtype())
        throw Error("add_per_channel: x and shift have different types; cast one of them");
    const int64_t rows = s[1] * s[2], channels = s[3];
    Tensor y(s, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::add_per_channel(y.stream(), x.value().data<T>(), shift.value().data<T>(), y.data<T>(),
                                 int(s[0]), rows, int(channels));
    });
    return make_result(std::move(y), wants_gradient({&x, &shift}), [=](const Tensor& dy) {
        x.add_gradient(dy);
        if (!shift.requires_grad()) return;
        // Summed in f32 image by image, then rounded once.
        Tensor sums = Tensor::zeros(shift.shape(), Dtype::f32, dy.device());
        const Storage scratch = allocate(
            dy.device(), sizeof(float) * size_t(kernels::column_sums_workspace_floats(rows, int(channels))));
        with_activation_type(dy.dtype(), [&]<class T>(T) {
            for (int64_t n = 0; n < shift.shape()[0]; ++n)
                kernels::column_sums(dy.stream(), dy.data<T>() + n * rows * channels, rows, int(channels),
                                     sums.data<float>() + n * channels,
                                     reinterpret_cast<float*>(scratch.get()));
        });
        shift.add_gradient(sums.to(shift.dtype()));
    });
}

Variable cast(const Variable& x, Dtype dtype) {
    if (x.dtype() == dtype) return x;
    return make_result(x.value().to(dtype), wants_gradient({&x}),
                       [x](const Tensor& dy) { x.add_gradient(dy.to(x.dtype())); });
}

Variable dropout(const Variable& x, float rate, const RandomState& random, uint32_t layer,
                 uint32_t image_offset) {
    if (!(rate >= 0.f && rate < 1.f))
        throw Error(fmt::format("dropout: rate must lie in [0, 1), got {}", rate));
    if (rate == 0.f) return x;
    const int64_t images = x.shape()[0], elements = x.shape().count() / std::max<int64_t>(images, 1);
    const uint32_t* state = random.device_words();
    const auto apply = [=](const Tensor& from) {
        Tensor to(from.shape(), from.dtype(), from.device());
        with_activation_type(from.dtype(), [&]<class T>(T) {
            kernels::dropout(to.stream(), from.data<T>(), to.data<T>(), images, elements, rate, state, layer,
                             image_offset);
        });
        return to;
    };
    return make_result(apply(x.value()), wants_gradient({&x}),
                       [x, apply](const Tensor& dy) { x.add_gradient(apply(dy)); });
}

} // namespace heat
