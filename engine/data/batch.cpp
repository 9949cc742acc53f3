#include "engine/data/batch.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/philox.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat {

Tensor gather_batch(const Dataset& dataset, std::span<const uint32_t> indices, const BatchOptions& options,
                    Device device) {
    const ProfileScope scope("gather batch", Device::cpu, [&] {
        const double count = double(indices.size()) * dataset.height * dataset.width * dataset.channels;
        return OpWork{
            5 * count, 2 * count,
            fmt::format("{}×{}×{}×{}", indices.size(), dataset.height, dataset.width, dataset.channels)};
    });
    const size_t row = size_t(dataset.width) * size_t(dataset.channels), each = size_t(dataset.height) * row;
    const auto channels = size_t(dataset.channels);
    std::vector<float> values(indices.size() * each);
    const float step = (options.high - options.low) / 255.f;
    for (size_t i = 0; i < indices.size(); ++i) {
        if (indices[i] >= uint32_t(dataset.count))
            throw Error(fmt::format("image {} was asked of a data set of {}", indices[i], dataset.count));
        const uint8_t* from = dataset.pixels.data() + indices[i] * each;
        float* to = values.data() + i * each;
        const bool mirror =
            options.flip && (kernels::philox4x32_10(0, uint32_t(i), options.step,
                                                    kernels::purpose_word(kernels::Purpose::augmentation),
                                                    uint32_t(options.seed), uint32_t(options.seed >> 32))
                                 .v[0] &
                             1u);
        for (size_t p = 0; p < each; ++p) {
            const size_t x = p % row / channels, c = p % channels;
            const size_t source = mirror ? p - p % row + (size_t(dataset.width) - 1 - x) * channels + c : p;
            to[p] = options.low + step * float(from[source]);
        }
    }
    return Tensor::from_host(Shape{int64_t(indices.size()), dataset.height, dataset.width, dataset.channels},
                             values, device);
}

std::vector<uint8_t> to_bytes(const Tensor& images, float low, float high) {
    const ProfileScope scope("to bytes", Device::cpu, [&] {
        return OpWork{5.0 * double(images.count()), 2.0 * double(images.count()), images.shape().text()};
    });
    const std::vector<float> values = images.to_host();
    std::vector<uint8_t> bytes(values.size());
    const float scale = 255.f / (high - low);
    std::transform(values.begin(), values.end(), bytes.begin(),
                   [=](float v) { return uint8_t(std::lround(std::clamp((v - low) * scale, 0.f, 255.f))); });
    return bytes;
}

} // namespace heat
