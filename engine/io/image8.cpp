#include "engine/io/image8.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace heat {
namespace {

constexpr uint64_t largest_side = 65536;
constexpr uint64_t largest_pixel_bytes = uint64_t{256} << 20;

} // namespace

void check_image_size(uint64_t height, uint64_t width, uint64_t channels, const std::string& name) {
    if (height < 1 || width < 1 || height > largest_side || width > largest_side ||
        height * width * channels > largest_pixel_bytes)
        throw Error(fmt::format(
            "{}: an image of {}x{} pixels is refused: sides are 1 to {}, and all of it at most {} MiB", name,
            height, width, largest_side, largest_pixel_bytes >> 20));
}

void check_image(const Image8& image, const std::string& name) {
    if (image.channels != 1 && image.channels != 3)
        throw Error(fmt::format("{}: expected an image of 1 or 3 channels, got {}", name, image.channels));
    check_image_size(image.height < 0 ? 0 : static_cast<uint64_t>(image.height),
                     image.width < 0 ? 0 : static_cast<uint64_t>(image.width),
                     static_cast<uint64_t>(image.channels), name);
    const uint64_t expected = uint64_t(image.height) * uint64_t(image.width) * uint64_t(image.channels);
    if (image.pixels.size() != expected)
        throw Error(fmt::format("{}: an image of {}x{}x{} takes {} bytes, got {}", name, image.height,
                                image.width, image.channels, expected, image.pixels.size()));
}

Image8 with_channels(Image8 image, int channels) {
    if ((channels != 1 && channels != 3) || (image.channels != 1 && image.channels != 3))
        throw Error(fmt::format("images have 1 or 3 channels, got {} and {}", image.channels, channels));
    if (image.channels == channels) return image;
    const size_t count = size_t(image.height) * size_t(image.width);
    std::vector<uint8_t> pixels(count * size_t(channels));
    const uint8_t* from = image.pixels.data();
    if (channels == 3) {
        for (size_t i = 0; i < count; ++i) pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = from[i];
    } else {
        // The weights in units of 1/65536; they sum to it, so that grey stays the same grey.
        for (size_t i = 0; i < count; ++i, from += 3)
            pixels[i] = uint8_t((19595u * from[0] + 38470u * from[1] + 7471u * from[2] + 32768u) >> 16);
    }
    return {image.height, image.width, channels, std::move(pixels)};
}

Image8 over_white(Image8 image) {
    if (image.channels != 2 && image.channels != 4) return image;
    const size_t count = size_t(image.height) * size_t(image.width), colours = size_t(image.channels) - 1;
    std::vector<uint8_t> pixels(count * colours);
    const uint8_t* from = image.pixels.data();
    uint8_t* to = pixels.data();
    for (size_t i = 0; i < count; ++i, from += colours + 1) {
        const uint32_t alpha = from[colours];
        for (size_t c = 0; c < colours; ++c)
            *to++ = uint8_t((from[c] * alpha + 255u * (255u - alpha) + 127u) / 255u);
    }
    return {image.height, image.width, int(colours), std::move(pixels)};
}

Image8 upright(Image8 image, int orientation) {
    if (orientation <= 1 || orientation > 8) return image;
    // Exif 2.32, tag 0x0112: how the picture's rows and columns lie in the stored pixels.
    const bool transposed = orientation >= 5;
    const bool rows_reversed = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool columns_reversed =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    Image8 result{transposed ? image.width : image.height, transposed ? image.height : image.width,
                  image.channels, std::vector<uint8_t>(image.pixels.size())};
    uint8_t* to = result.pixels.data();
    for (int y = 0; y < result.height; ++y)
        for (int x = 0; x < result.width; ++x) {
            int row = transposed ? x : y, column = transposed ? y : x;
            if (rows_reversed) row = image.height - 1 - row;
            if (columns_reversed) column = image.width - 1 - column;
            const size_t from = (size_t(row) * size_t(image.width) + size_t(column)) * size_t(image.channels);
            to = std::copy_n(image.pixels.data() + from, image.channels, to);
        }
    return result;
}

} // namespace heat
