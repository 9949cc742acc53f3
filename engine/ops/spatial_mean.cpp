#include "engine/ops/spatial_mean.h"

#include "engine/profiler.h"
#include "kernels/spatial_mean.h"

#include <fmt/format.h>

namespace heat {

Variable spatial_mean(const Variable& x) {
    const Shape shape = x.shape();
    if (shape.rank() != 4) throw Error(fmt::format("spatial_mean: expected N×H×W×C, got {}", shape.text()));
    const int images = int(shape[0]), positions = int(shape[1] * shape[2]), channels = int(shape[3]);
    const auto work = [=, bytes = double(x.value().bytes()), dtype = x.dtype()] {
        return OpWork{bytes * (1.0 + 1.0 / positions), double(shape.count()), shape.text(), dtype};
    };
    const ProfileScope scope("spatial_mean", x.device(), work);
    Tensor y(Shape{shape[0], shape[3]}, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::spatial_mean_forward(y.stream(), x.value().data<T>(), y.data<T>(), images, positions,
                                      channels);
    });
    return make_result(std::move(y), wants_gradient({&x}), [=](const Tensor& dy) {
        const ProfileScope backward("spatial_mean backward", dy.device(), work);
        Tensor dx(shape, dy.dtype(), dy.device());
        with_activation_type(dx.dtype(), [&]<class T>(T) {
            kernels::spatial_mean_backward(dx.stream(), dy.data<T>(), dx.data<T>(), images, positions,
                                           channels);
        });
        x.add_gradient(std::move(dx));
    });
}

} // namespace heat
