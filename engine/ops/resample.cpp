#include "engine/ops/resample.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/resample.h"

#include <fmt/format.h>

namespace heat {
namespace {
void expect_images(const char* op, const Variable& x) {
    if (x.shape().rank() != 4) throw Error(fmt::format("{}: expected N×H×W×C, got {}", op, x.shape().text()));
}

/// Between images of `fine` elements and a quarter of them, with so many operations per coarse element.
OpWork work_of(const Shape& shape, Dtype dtype, double fine, double flops) {
    return {1.25 * fine * double(size_of(dtype)), flops * fine / 4, shape.text(), dtype};
}
} // namespace

Variable upsample_nearest(const Variable& x) {
    expect_images("upsample_nearest", x);
    const Shape s = x.shape();
    const int n = int(s[0]), h = int(s[1]), w = int(s[2]), c = int(s[3]);
    const double fine = 4.0 * double(s.count());
    const ProfileScope scope("upsample_nearest", x.device(), [&] { return work_of(s, x.dtype(), fine, 0); });
    Tensor y(Shape{n, 2 * h, 2 * w, c}, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::upsample_nearest_forward(y.stream(), x.value().data<T>(), y.data<T>(), n, h, w, c);
    });
    return make_result(std::move(y), wants_gradient({&x}), [=](const Tensor& dy) {
        const ProfileScope backward("upsample_nearest backward", dy.device(),
                                    [&] { return work_of(s, dy.dtype(), fine, 3); });
        Tensor dx(s, dy.dtype(), dy.device());
        with_activation_type(dy.dtype(), [&]<class T>(T) {
            kernels::upsample_nearest_backward(dy.stream(), dy.data<T>(), dx.data<T>(), n, h, w, c);
        });
        x.add_gradient(std::move(dx));
    });
}

Variable average_pool(const Variable& x) {
    expect_images("average_pool", x);
    const Shape s = x.shape();
    const int n = int(s[0]), h = int(s[1]), w = int(s[2]), c = int(s[3]);
    if (h % 2 || w % 2)
        throw Error(fmt::format("average_pool: height and width must be even, got {}", s.text()));
    const double fine = double(s.count());
    const ProfileScope scope("average_pool", x.device(), [&] { return work_of(s, x.dtype(), fine, 4); });
    Tensor y(Shape{n, h / 2, w / 2, c}, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::average_pool_forward(y.stream(), x.value().data<T>(), y.data<T>(), n, h, w, c);
    });
    return make_result(std::move(y), wants_gradient({&x}), [=](const Tensor& dy) {
        const ProfileScope backward("average_pool backward", dy.device(),
                                    [&] { return work_of(s, dy.dtype(), fine, 1); });
        Tensor dx(s, dy.dtype(), dy.device());
        with_activation_type(dy.dtype(), [&]<class T>(T) {
            kernels::average_pool_backward(dy.stream(), dy.data<T>(), dx.data<T>(), n, h, w, c);
        });
        x.add_gradient(std::move(dx));
    });
}

} // namespace heat
