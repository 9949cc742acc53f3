#include "engine/ops/activation.h"

#include "engine/profiler.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/reduce.h"

#include <fmt/format.h>

namespace heat {
namespace {

/// A map that reads or writes `arrays` arrays of x's size.
OpWork map_work(const Tensor& x, int arrays, double flops_per_element) {
    return {double(arrays) * double(x.bytes()), flops_per_element * double(x.count()), x.shape().text(),
            x.dtype()};
}

} // namespace

Variable silu(const Variable& x) {
    const ProfileScope scope("silu", x.device(), [&] { return map_work(x.value(), 2, 4); });
    Tensor y(x.shape(), x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::silu_forward(y.stream(), x.value().data<T>(), y.data<T>(), y.count());
    });
    return make_result(std::move(y), wants_gradient({&x}), [x](const Tensor& dy) {
        const ProfileScope backward("silu backward", x.device(), [&] { return map_work(dy, 3, 8); });
        Tensor dx(x.shape(), x.dtype(), x.device());
        with_activation_type(x.dtype(), [&]<class T>(T) {
            kernels::silu_backward(dx.stream(), x.value().data<T>(), dy.data<T>(), dx.data<T>(), dx.count());
        });
        x.add_gradient(std::move(dx));
    });
}

Variable add(const Variable& a, const Variable& b) {
    expect_same("add", a.value(), b.value());
    const ProfileScope scope("add", a.device(), [&] { return map_work(a.value(), 3, 1); });
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
    const ProfileScope scope("add_per_channel", x.device(), [&] {
        OpWork work = map_work(x.value(), 2, 1);
        work.bytes += double(shift.value().bytes());
        return work;
    });
    Tensor y(s, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::add_per_channel(y.stream(), x.value().data<T>(), shift.value().data<T>(), y.data<T>(),
                                 int(s[0]), rows, int(channels));
    });
    return make_result(std::move(y), wants_gradient({&x, &shift}), [=](const Tensor& dy) {
        x.add_gradient(dy);
        if (!shift.requires_grad()) return;
        const ProfileScope backward("add_per_channel backward", dy.device(), [&] {
            OpWork work = map_work(dy, 1, 1);
            work.bytes += double(shift.value().bytes());
            return work;
        });
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
    const auto apply = [=](const Tensor& from, const char* name) {
        const ProfileScope scope(name, from.device(), [&] { return map_work(from, 2, 1); });
        Tensor to(from.shape(), from.dtype(), from.device());
        with_activation_type(from.dtype(), [&]<class T>(T) {
            kernels::dropout(to.stream(), from.data<T>(), to.data<T>(), images, elements, rate, state, layer,
                             image_offset);
        });
        return to;
    };
    return make_result(apply(x.value(), "dropout"), wants_gradient({&x}),
                       [x, apply](const Tensor& dy) { x.add_gradient(apply(dy, "dropout backward")); });
}

} // namespace heat
