#include "engine/io/png.h"

#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/png_chunks.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>
#include <memory>

#define STBI_NO_STDIO
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// stb_image_write defines it without declaring it.
extern "C" unsigned char* stbi_write_png_to_mem(const unsigned char* pixels, int stride_bytes, int x, int y,
                                                int n, int* out_len);

namespace heat {
namespace {

constexpr int largest_side = 65536;
// stb counts bytes in int; this keeps its filtered and compressed buffers far from the limit.
constexpr uint64_t largest_pixel_bytes = uint64_t{256} << 20;

void check_size(uint64_t height, uint64_t width, uint64_t channels, const std::string& name) {
    if (height < 1 || width < 1 || height > largest_side || width > largest_side ||
        height * width * channels > largest_pixel_bytes)
        throw Error(fmt::format(
            "{}: an image of {}x{} pixels is refused: sides are 1 to {}, and all of it at most {} MiB", name,
            height, width, largest_side, largest_pixel_bytes >> 20));
}

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

} // namespace

void check_image(const Image8& image, const std::string& name) {
    if (image.channels != 1 && image.channels != 3)
        throw Error(fmt::format("{}: expected an image of 1 or 3 channels, got {}", name, image.channels));
    check_size(image.height < 0 ? 0 : static_cast<uint64_t>(image.height),
               image.width < 0 ? 0 : static_cast<uint64_t>(image.width),
               static_cast<uint64_t>(image.channels), name);
    const uint64_t expected = uint64_t(image.height) * uint64_t(image.width) * uint64_t(image.channels);
    if (image.pixels.size() != expected)
        throw Error(fmt::format("{}: an image of {}x{}x{} takes {} bytes, got {}", name, image.height,
                                image.width, image.channels, expected, image.pixels.size()));
}

std::vector<uint8_t> encode_png(const Image8& image) {
    check_image(image, "cannot encode a PNG");
    int size = 0;
    const std::unique_ptr<uint8_t, Free> bytes(stbi_write_png_to_mem(
        image.pixels.data(), image.width * image.channels, image.width, image.height, image.channels, &size));
    if (bytes == nullptr)
        throw Error(
            fmt::format("cannot encode a PNG of {}x{} pixels: not enough memory", image.height, image.width));
    return {bytes.get(), bytes.get() + size};
}

void write_png(const std::filesystem::path& path, const Image8& image) {
    check_image(image, fmt::format("cannot write {}", path.string()));
    write_file_atomically(path, encode_png(image));
}

Image8 decode_png(std::span<const uint8_t> file, const std::string& name, int channels) {
    if (channels != 0 && channels != 1 && channels != 3)
        throw Error(fmt::format("{}: images are read to 1 or 3 channels, not {}", name, channels));
    // stb checks neither CRCs nor the size before it allocates.
    const std::vector<PngChunk> chunks = split_png(file, name);
    const uint8_t* header = chunks.front().data.data();
    const int colour_type = header[9];
    const bool grey = colour_type == 0 || colour_type == 4;
    if (channels == 0) channels = grey ? 1 : 3;
    check_size(load_big_endian_u32(header + 4), load_big_endian_u32(header), 4, name);
    if (file.size() > size_t{std::numeric_limits<int>::max()})
        throw Error(fmt::format("{}: a PNG of {} bytes is too large", name, file.size()));

    int width = 0, height = 0, channels_in_file = 0;
    const std::unique_ptr<uint8_t, Free> pixels(stbi_load_from_memory(
        file.data(), static_cast<int>(file.size()), &width, &height, &channels_in_file, channels));
    if (pixels == nullptr)
        throw Error(fmt::format("{}: the PNG cannot be decoded: {}", name, stbi_failure_reason()));
    Image8 image{height, width, channels, {}};
    image.pixels.assign(pixels.get(), pixels.get() + size_t(height) * size_t(width) * size_t(channels));
    return image;
}

Image8 read_png(const std::filesystem::path& path, int channels) {
    return decode_png(read_file(path), path.string(), channels);
}

} // namespace heat
