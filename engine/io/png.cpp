#include "engine/io/png.h"

#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/png_chunks.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

// stb_image_write defines it without declaring it.
extern "C" unsigned char* stbi_write_png_to_mem(const unsigned char* pixels, int stride_bytes, int x, int y,
                                                int n, int* out_len);

namespace heat {
namespace {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

} // namespace

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

bool is_png(std::span<const uint8_t> bytes) {
    return bytes.size() >= std::size(png_signature) &&
           std::equal(std::begin(png_signature), std::end(png_signature), bytes.begin());
}

} // namespace heat
