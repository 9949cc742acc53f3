#include "engine/ops/embedding.h"

#include "engine/profiler.h"
#include "kernels/embedding.h"
#include "kernels/error.h"

#include <fmt/format.h>

namespace heat {

Variable sinusoidal_embedding(const Tensor& timesteps, int dimension, bool cosine_first,
                              float frequency_shift) {
    if (timesteps.shape().rank() != 1)
        throw Error(fmt::format("timesteps are one per image, got shape {}", timesteps.shape().text()));
    const int images = int(timesteps.shape()[0]);
    const ProfileScope scope("sinusoidal_embedding", timesteps.device(), [&] {
        const double values = double(images) * dimension; // an argument and a sine or cosine each
        return OpWork{4.0 * (values + images), 2.0 * values, fmt::format("{}×{}", images, dimension)};
    });
    Tensor y(Shape{images, dimension}, Dtype::f32, timesteps.device());
    kernels::sinusoidal_embedding(y.stream(), timesteps.data<float>(), y.data<float>(), images, dimension,
                                  cosine_first, frequency_shift);
    return Variable(std::move(y));
}

Variable embedding(const Parameter& table, const std::vector<int32_t>& index) {
    const int64_t rows = table.shape()[0];
    for (int32_t i : index)
        if (i < 0 || i >= rows)
            throw Error(fmt::format("embedding: index {} lies outside {} of {} rows", i, table.name(), rows));
    return embedding(table, Tensor::from_host(Shape{int64_t(index.size())}, index, table.value().device()));
}

Variable embedding(const Parameter& table, const Tensor& index) {
    const int64_t rows = table.shape()[0], width = table.shape()[1], count = index.count();
    // The rows that are looked up, their numbers and the result; backward adds to the rows.
    const auto work = [=](double arrays, double flops) {
        return OpWork{4.0 * double(count) * (arrays * double(width) + 1.0),
                      flops * double(count) * double(width), fmt::format("{} of {}×{}", count, rows, width)};
    };
    const ProfileScope scope("embedding", table.value().device(), [&] { return work(2, 0); });
    Tensor y(Shape{count, width}, Dtype::f32, index.device());
    kernels::embedding_lookup(y.stream(), table.value().data<float>(), index.data<int32_t>(), y.data<float>(),
                              int(count), int(width));
    return make_result(std::move(y), wants_gradient({}, {&table}), [=](const Tensor& dy) {
        const ProfileScope backward("embedding backward", dy.device(), [&] { return work(3, 1); });
        kernels::embedding_backward(dy.stream(), dy.data<float>(), index.data<int32_t>(),
                                    table.gradient_data(), int(index.count()), int(rows), int(width));
    });
}

} // namespace heat
