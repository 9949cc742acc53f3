#include "engine/io/png16.h"

#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/image8.h"
#include "engine/io/png_chunks.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <memory>

// stb_image_write defines it without declaring it.
extern "C" unsigned char* stbi_zlib_compress(unsigned char* data, int data_len, int* out_len, int quality);

namespace heat {
namespace {

struct Free {
    void operator()(void* memory) const { std::free(memory); }
};

void check(const Image16& image) {
    const char* name = "cannot encode a PNG of 16 bits";
    if (image.channels != 1 && image.channels != 3)
        throw Error(fmt::format("{}: expected 1 or 3 channels, got {}", name, image.channels));
    if (image.height < 1 || image.width < 1)
        throw Error(fmt::format("{}: expected pixels, got {}x{}", name, image.height, image.width));
    check_image_size(uint64_t(image.height), uint64_t(image.width), 2 * uint64_t(image.channels), name);
    const size_t expected = size_t(image.height) * size_t(image.width) * size_t(image.channels);
    if (image.pixels.size() != expected)
        throw Error(fmt::format("{}: expected {} values, got {}", name, expected, image.pixels.size()));
}

/// Rows with a filter byte each: the difference from the pixel to the left, byte by byte.
std::vector<uint8_t> filtered_rows(const Image16& image) {
    const auto step = 2 * size_t(image.channels), row = step * size_t(image.width);
    std::vector<uint8_t> bytes, rows;
    for (const uint16_t value : image.pixels) append_big_endian(bytes, value, 2);
    for (size_t begin = 0; begin < bytes.size(); begin += row) {
        rows.push_back(1);
        for (size_t i = 0; i < row; ++i)
            rows.push_back(uint8_t(bytes[begin + i] - (i < step ? 0 : bytes[begin + i - step])));
    }
    return rows;
}

} // namespace

std::vector<uint8_t> encode_png16(const Image16& image) {
    check(image);
    std::vector<uint8_t> rows = filtered_rows(image);
    int size = 0;
    const std::unique_ptr<uint8_t, Free> data(stbi_zlib_compress(rows.data(), int(rows.size()), &size, 8));
    if (data == nullptr) throw Error("cannot encode a PNG of 16 bits: not enough memory");
    std::vector<uint8_t> file(std::begin(png_signature), std::end(png_signature)), header;
    append_big_endian(header, uint64_t(image.width), 4);
    append_big_endian(header, uint64_t(image.height), 4);
    header.insert(header.end(), {16, uint8_t(image.channels == 1 ? 0 : 2), 0, 0, 0});
    append_png_chunk(file, "IHDR", header);
    append_png_chunk(file, "IDAT", {data.get(), size_t(size)});
    append_png_chunk(file, "IEND", {});
    return file;
}

void write_png16(const std::filesystem::path& path, const Image16& image) {
    write_file_atomically(path, encode_png16(image));
}

} // namespace heat
