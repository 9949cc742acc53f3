#include "tools/pictures.h"

#include "engine/data/fitted_images.h"
#include "engine/io/file.h"
#include "engine/io/image_decoder.h"
#include "engine/io/png.h"
#include "kernels/error.h"
#include "tools/image_planes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// Bytes to the data range.
void spread(const std::vector<uint8_t>& bytes, float low, float high, float* values) {
    const float scale = (high - low) / 255.f;
    std::transform(bytes.begin(), bytes.end(), values, [&](uint8_t b) { return low + scale * float(b); });
}

Pictures of_array(const std::string& path, const processes::Process& process) {
    const processes::ImageSize size = process.size();
    const NpyArray array = read_npy(path);
    const Tensor images = images_of_array(array, path, size.channels, Device::cpu);
    const Shape& s = images.shape();
    if (s[1] != size.height || s[2] != size.width)
        throw Error(fmt::format("{}: expected images of {}×{}, the size of the run's, got {}×{}", path,
                                size.height, size.width, s[1], s[2]));
    auto values = std::make_shared<std::vector<float>>(images.to_host());
    if (!std::all_of(values->begin(), values->end(), [](float v) { return std::isfinite(v); }))
        throw Error(fmt::format("{}: it holds numbers that are not finite", path));
    const float low = process.data_low(), scale = (process.data_high() - low) / 255.f;
    if (array.dtype == NpyDtype::u8)
        for (float& v : *values) v = low + scale * v;
    const int64_t each = size.elements();
    return {s[0], path,
            [values, each](int64_t i, float* to) { std::copy_n(values->begin() + i * each, each, to); }};
}

bool is_picture_file(const std::vector<uint8_t>& file) {
    return is_png(file) || (file.size() > 2 && file[0] == 0xff && file[1] == 0xd8);
}

} // namespace

Pictures open_pictures(const std::string& path, const processes::Process& process) {
    if (fs::path(path).extension() == ".npy") return of_array(path, process);
    const processes::ImageSize size = process.size();
    const ImageFit fit{size.height, size.width, size.channels};
    const float low = process.data_low(), high = process.data_high();
    if (!fs::is_directory(path)) {
        const std::vector<uint8_t> file = read_file(path);
        if (is_picture_file(file)) {
            auto image = std::make_shared<Image8>(fitted(decode_image(file, path).image, fit, path));
            return {1, path,
                    [image, low, high](int64_t, float* to) { spread(image->pixels, low, high, to); }};
        }
    }
    const std::shared_ptr<const ImageSource> source = open_images(path);
    return {source->count(), path, [source, fit, low, high](int64_t i, float* to) {
                const auto index = uint32_t(i);
                spread(fitted(source->decode(index).image, fit, source->name(index)).pixels, low, high, to);
            }};
}

Tensor Pictures::gather(const processes::Process& process, const std::vector<int64_t>& indices) const {
    const processes::ImageSize size = process.size();
    const auto each = size_t(size.elements());
    std::vector<float> values(indices.size() * each);
    for (size_t k = 0; k < indices.size(); ++k) read(indices[k] % count, values.data() + k * each);
    return Tensor::from_host(
        Shape{int64_t(indices.size()), int64_t(size.height), int64_t(size.width), int64_t(size.channels)},
        values, process.device());
}

Tensor read_mask(const std::string& path, const processes::Process& process) {
    const processes::ImageSize size = process.size();
    const Image8 mask = with_channels(decode_image(read_file(path), path).image, 1);
    if (mask.height != size.height || mask.width != size.width)
        throw Error(fmt::format("{}: expected a mask of {}×{}, the size of the run's images, got {}×{}", path,
                                size.height, size.width, mask.height, mask.width));
    std::vector<float> fill;
    for (const uint8_t value : mask.pixels) fill.push_back(value > 127 ? 1.f : 0.f);
    return Tensor::from_host(Shape{1, int64_t(size.height), int64_t(size.width), 1}, fill, process.device());
}

} // namespace heat::tools
