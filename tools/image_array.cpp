#include "tools/image_array.h"

#include "engine/io/file.h"
#include "engine/io/image_decoder.h"
#include "engine/io/image_grid.h"
#include "engine/io/npy.h"
#include "engine/io/png.h"
#include "engine/tensor.h"
#include "kernels/error.h"
#include "tools/image_planes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace heat::tools {

namespace {

template <class T>
void load(const NpyArray& array, ImageArray& images) {
    std::vector<T> values(array.bytes.size() / sizeof(T));
    std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
    transpose_images(values.data(), images.values.data(), images.count, images.channels,
                     images.height * images.width);
}

ImageArray from_npy(const std::vector<uint8_t>& file, const std::string& name) {
    const NpyArray array = decode_npy(file, name);
    if (array.dtype != NpyDtype::f32 && array.dtype != NpyDtype::f64)
        throw Error(fmt::format(
            "{}: expected an array of float32 or float64; convert with x.astype(np.float32)", name));
    const Shape shape(array.shape);
    if (shape.rank() != 4 || shape.count() < 1)
        throw Error(fmt::format("{}: expected an array N×C×H×W with something in it, got {}", name,
                                shape.rank() ? shape.text() : "a scalar"));
    ImageArray images{shape[0],
                      shape[2],
                      shape[3],
                      shape[1],
                      std::vector<double>(size_t(shape.count())),
                      array.dtype == NpyDtype::f64};
    images.is_f64 ? load<double>(array, images) : load<float>(array, images);
    for (size_t i = 0; i < images.values.size(); ++i)
        if (!std::isfinite(images.values[i]))
            throw Error(fmt::format("{}: expected finite values, got {} in image {}", name, images.values[i],
                                    int64_t(i) / (images.elements() / images.count)));
    return images;
}

template <class T>
void write_npy_as(const std::filesystem::path& path, const ImageArray& images) {
    std::vector<T> values(images.values.size());
    transpose_images(images.values.data(), values.data(), images.count, images.height * images.width,
                     images.channels);
    write_npy(path, NpyView({images.count, images.channels, images.height, images.width},
                            sizeof(T) == sizeof(double) ? NpyDtype::f64 : NpyDtype::f32,
                            {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)}));
}

} // namespace

ImageArray read_image_array(const std::filesystem::path& path) {
    const std::vector<uint8_t> file = read_file(path);
    const std::string name = path.string();
    if (path.extension() == ".npy" || (file.size() > 5 && std::memcmp(file.data(), "\x93NUMPY", 6) == 0))
        return from_npy(file, name);
    const Image8 image = decode_image(file, name).image;
    ImageArray images{1, image.height, image.width, image.channels, {}, false};
    for (const uint8_t pixel : image.pixels) images.values.push_back(pixel / 255.0);
    return images;
}

void check_output_name(const std::filesystem::path& path, int64_t channels) {
    if (path.extension() != ".npy" && path.extension() != ".png")
        throw Error(fmt::format("{}: expected a name that ends in .npy or .png", path.string()));
    if (path.extension() == ".png" && channels != 1 && channels != 3)
        throw Error(fmt::format("{}: a PNG image has 1 or 3 channels, these have {}: write .npy",
                                path.string(), channels));
}

int64_t write_image_array(const std::filesystem::path& path, const ImageArray& images) {
    check_output_name(path, images.channels);
    if (path.extension() == ".npy") {
        images.is_f64 ? write_npy_as<double>(path, images) : write_npy_as<float>(path, images);
        return 0;
    }
    std::vector<uint8_t> pixels;
    pixels.reserve(images.values.size());
    int64_t clamped = 0;
    for (const double value : images.values) {
        const double inside = std::clamp(value, 0.0, 1.0);
        // Half a grey level beyond the ends is rounding, no clamping.
        clamped += std::abs(value - inside) > 0.5 / 255;
        pixels.push_back(uint8_t(std::lround(255 * inside)));
    }
    const int height = int(images.height), width = int(images.width), channels = int(images.channels);
    write_png(path, images.count == 1 ? Image8{height, width, channels, std::move(pixels)}
                                      : image_grid(pixels, int(images.count), height, width, channels));
    return clamped;
}

} // namespace heat::tools
