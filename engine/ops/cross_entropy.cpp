#include "engine/ops/cross_entropy.h"

#include "engine/profiler.h"
#include "kernels/cross_entropy.h"

#include <fmt/format.h>

namespace heat {

Variable cross_entropy(const Variable& logits, const Tensor& labels, float scale) {
    const Shape& shape = logits.shape();
    if (shape.rank() != 2 || logits.dtype() != Dtype::f32)
        throw Error(fmt::format("cross_entropy: expected f32 logits N×classes, got {} {}",
                                name_of(logits.dtype()), shape.text()));
    expect_shape("cross_entropy labels", labels, Shape{shape[0]});
    const int images = int(shape[0]), classes = int(shape[1]);
    const auto work = [=](double arrays, double flops) {
        const double count = double(images) * classes;
        return OpWork{4.0 * (arrays * count + images), flops * count, fmt::format("{}×{}", images, classes)};
    };
    const ProfileScope scope("cross_entropy", logits.device(), [&] { return work(1, 4); });
    Tensor loss(Shape{1}, Dtype::f32, logits.device()), per_image(Shape{images}, Dtype::f32, logits.device());
    kernels::cross_entropy_forward(loss.stream(), logits.value().data<float>(), labels.data<int32_t>(),
                                   per_image.data<float>(), loss.data<float>(), images, classes, scale);
    return make_result(std::move(loss), wants_gradient({&logits}), [=](const Tensor& upstream) {
        const ProfileScope backward("cross_entropy backward", upstream.device(), [&] { return work(2, 6); });
        Tensor d(logits.shape(), Dtype::f32, logits.device());
        kernels::cross_entropy_backward(d.stream(), logits.value().data<float>(), labels.data<int32_t>(),
                                        upstream.data<float>(), d.data<float>(), images, classes, scale);
        logits.add_gradient(std::move(d));
    });
}

} // namespace heat
