#include "engine/ops/embedding.h"

#include "kernels/embedding.h"
#include "kernels/error.h"

#include <fmt/format.h>

namespace heat {

Variable sinusoidal_embedding(const Tensor& timesteps, int dimension, bool cosine_first,
                              float frequency_shift) {
    if (timesteps.shape().rank() != 1)
        throw Error(fmt::format("timesteps are one per image, got shape {}", timesteps.shape().text()));
    const int images = int(timesteps.shape()[0]);
    Tensor y(Shape{images, dimension}, Dtype::f32, timesteps.device());
    kernels::sinusoidal_embedding(y.stream(), timesteps.data<float>(), y.data<float>(), images, dimension,
                                  cosine_first, frequency_shift);
    return Variable(std::move(y));
}

Variable embedding(const Parameter& table, const std::vector<int32_t>& index) {
    const int64_t rows = table.shape()[0], width = table.shape()[1];
    for (int32_t i : index)
        if (i < 0 || i >= rows)
            throw Error(fmt::format("embedding: index {} lies outside {} of {} rows", i, table.name(), rows));
    const Tensor indices = Tensor::from_host(Shape{int64_t(index.size())}, index, table.value().device());
    Tensor y(Shape{int64_t(index.size()), width}, Dtype::f32, indices.device());
    kernels::embedding_lookup(y.stream(), table.value().data<float>(), indices.data<int32_t>(),
                              y.data<float>(), int(index.size()), int(width));
    return make_result(std::move(y), wants_gradient({}, {&table}), [=](const Tensor& dy) {
        kernels::embedding_backward(dy.stream(), dy.data<float>(), indices.data<int32_t>(),
                                    table.gradient_data(), int(indices.count()), int(rows), int(width));
    });
}

} // namespace heat
