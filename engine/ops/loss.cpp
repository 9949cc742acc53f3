#include "engine/ops/loss.h"

#include "engine/profiler.h"

#include <fmt/format.h>

namespace heat {

BatchLoss weighted_error(LossKind kind, const Variable& prediction, const Tensor& target,
                         const Tensor& weight, float scale) {
    const char* name = kind == LossKind::squared ? "squared_error" : "absolute_error";
    const char* backward_name =
        kind == LossKind::squared ? "squared_error backward" : "absolute_error backward";
    expect_shape(fmt::format("{} target", name).c_str(), target, prediction.shape());
    const int images = int(prediction.shape()[0]);
    const int64_t elements = prediction.shape().count() / std::max(images, 1);
    if (weight.defined()) expect_shape(fmt::format("{} weight", name).c_str(), weight, Shape{images});
    // The prediction (and its gradient) in its own type, the target in f32.
    const auto work = [prediction](double predictions, double flops) {
        const Tensor& p = prediction.value();
        const auto count = double(p.count());
        return OpWork{predictions * double(p.bytes()) + 4.0 * count, flops * count, p.shape().text(),
                      p.dtype()};
    };
    const ProfileScope scope(name, prediction.device(), [&] { return work(1, 3); });
    const float* weights = weight.defined() ? weight.data<float>() : nullptr;
    Tensor loss(Shape{1}, Dtype::f32, prediction.device()),
        per_image(Shape{images}, Dtype::f32, prediction.device());
    const Storage scratch = allocate(
        prediction.device(), sizeof(float) * size_t(images * kernels::reduce_workspace_floats(elements)));
    with_activation_type(prediction.dtype(), [&]<class T>(T) {
        kernels::weighted_error(loss.stream(), kind, prediction.value().data<T>(), target.data<float>(),
                                weights, scale, images, elements, loss.data<float>(), per_image.data<float>(),
                                reinterpret_cast<float*>(scratch.get()));
    });
    Variable result =
        make_result(std::move(loss), wants_gradient({&prediction}), [=](const Tensor& upstream) {
            const ProfileScope backward(backward_name, upstream.device(), [&] { return work(2, 2); });
            Tensor d(prediction.shape(), prediction.dtype(), prediction.device());
            with_activation_type(d.dtype(), [&]<class T>(T) {
                kernels::weighted_error_backward(d.stream(), kind, prediction.value().data<T>(),
                                                 target.data<float>(),
                                                 weight.defined() ? weight.data<float>() : nullptr, scale,
                                                 upstream.data<float>(), images, elements, d.data<T>());
            });
            prediction.add_gradient(std::move(d));
        });
    return {std::move(result), std::move(per_image)};
}

} // namespace heat
