#include "engine/ops/hybrid_loss.h"

#include "engine/profiler.h"

#include <fmt/format.h>

namespace heat {

namespace {

constexpr int64_t row_floats = sizeof(HybridLevel) / sizeof(float);

void expect_fitting(const Variable& output, const HybridTarget& target, const Tensor& weight) {
    expect_same("hybrid_loss clean", target.clean, target.target);
    std::vector<int64_t> extents = target.target.shape().extents();
    if (extents.size() < 2)
        throw Error(
            fmt::format("hybrid_loss: expected a target N×…×C, got {}", target.target.shape().text()));
    extents.back() *= 2;
    if (output.shape() != Shape(extents))
        throw Error(fmt::format("hybrid_loss: expected an output of twice the target's channels, {}, got {}",
                                Shape(extents).text(), output.shape().text()));
    const Shape images{extents.front()};
    expect_shape("hybrid_loss levels", target.levels, images);
    if (weight.defined()) expect_shape("hybrid_loss weight", weight, images);
    if (target.table.shape().rank() != 2 || target.table.shape()[1] != row_floats)
        throw Error(fmt::format("hybrid_loss: expected a table of hybrid_table(), got {}",
                                target.table.shape().text()));
}

const HybridLevel* rows_of(const HybridTarget& target) {
    return reinterpret_cast<const HybridLevel*>(target.table.data<float>());
}

} // namespace

Tensor hybrid_table(const std::vector<HybridLevel>& rows, Device device) {
    std::vector<float> values;
    for (const HybridLevel& row : rows)
        values.insert(values.end(), {row.simple, row.mean, row.precision, row.log_low, row.span});
    return Tensor::from_host(Shape{int64_t(rows.size()), row_floats}, values, device);
}

BatchLoss hybrid_loss(const Variable& output, const HybridTarget& target, const Tensor& weight, float scale) {
    expect_fitting(output, target, weight);
    const int images = int(output.shape()[0]), channels = int(target.target.shape().back());
    const int pixels = int(target.target.count() / std::max(images * channels, 1));
    const auto work = [output](double outputs, double flops) {
        const Tensor& p = output.value();
        const auto count = double(p.count());
        return OpWork{outputs * double(p.bytes()) + 4.0 * count, flops * count, p.shape().text(), p.dtype()};
    };
    const ProfileScope scope("hybrid_loss", output.device(), [&] { return work(1, 15); });
    Tensor loss(Shape{1}, Dtype::f32, output.device()), per_image(Shape{images}, Dtype::f32, output.device());
    with_activation_type(output.dtype(), [&]<class T>(T) {
        kernels::hybrid_loss(loss.stream(), output.value().data<T>(), target.target.data<float>(),
                             target.clean.data<float>(), target.levels.data<int32_t>(), rows_of(target),
                             target.bound, images, pixels, channels, per_image.data<float>());
    });
    kernels::weighted_sum(loss.stream(), per_image.data<float>(),
                          weight.defined() ? weight.data<float>() : nullptr, scale, images,
                          loss.data<float>());
    Variable result = make_result(std::move(loss), wants_gradient({&output}), [=](const Tensor& upstream) {
        const ProfileScope backward("hybrid_loss backward", upstream.device(), [&] { return work(2, 15); });
        Tensor d(output.shape(), output.dtype(), output.device());
        with_activation_type(d.dtype(), [&]<class T>(T) {
            kernels::hybrid_loss_backward(d.stream(), output.value().data<T>(), target.target.data<float>(),
                                          target.clean.data<float>(), target.levels.data<int32_t>(),
                                          rows_of(target), target.bound,
                                          weight.defined() ? weight.data<float>() : nullptr, scale,
                                          upstream.data<float>(), images, pixels, channels, d.data<T>());
        });
        output.add_gradient(std::move(d));
    });
    return {std::move(result), std::move(per_image)};
}

} // namespace heat
