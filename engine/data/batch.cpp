#include "engine/data/batch.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/philox.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat {

namespace {

bool is_mirrored(const BatchOptions& options, size_t place) {
    return options.flip && (kernels::philox4x32_10(0, uint32_t(place), options.step,
                                                   kernels::purpose_word(kernels::Purpose::augmentation),
                                                   uint32_t(options.seed), uint32_t(options.seed >> 32))
                                .v[0] &
                            1u);
}

} // namespace

void gather_batch(const ImageSource& images, std::span<const uint32_t> indices, const BatchOptions& options,
                  const std::function<float*(const Shape&)>& memory) {
    const ProfileScope scope("gather batch");
    float value_of[256];
    const float step = (options.high - options.low) / 255.f;
    for (int byte = 0; byte < 256; ++byte) value_of[byte] = options.low + step * float(byte);
    Shape first;
    float* values = nullptr;
    for (size_t i = 0; i < indices.size(); ++i) {
        const Image8 image = images.decode(indices[i]).image;
        const Shape shape{int64_t(indices.size()), image.height, image.width, image.channels};
        if (i == 0) {
            first = shape;
            values = memory(shape);
        }
        if (shape != first)
            throw Error(fmt::format("a batch takes images of one size: image {} is {}x{}x{}, the first {}",
                                    indices[i], image.height, image.width, image.channels, first.text()));
        const size_t each = image.pixels.size(), channels = size_t(image.channels);
        const size_t row = size_t(image.width) * channels;
        const uint8_t* from = image.pixels.data();
        float* to = values + i * each;
        if (is_mirrored(options, i))
            for (size_t begin = 0; begin < each; begin += row)
                for (size_t x = row; x > 0; x -= channels)
                    for (size_t c = 0; c < channels; ++c) *to++ = value_of[from[begin + x - channels + c]];
        else
            for (size_t p = 0; p < each; ++p) to[p] = value_of[from[p]];
    }
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
