#include "engine/io/png_chunks.h"

#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace heat {

std::vector<PngChunk> split_png(std::span<const uint8_t> file, const std::string& name) {
    constexpr size_t signature_size = std::size(png_signature);
    if (file.size() < signature_size ||
        !std::equal(std::begin(png_signature), std::end(png_signature), file.begin()))
        throw Error(
            fmt::format("{}: expected a PNG file, got {} bytes of something else", name, file.size()));
    std::vector<PngChunk> chunks;
    size_t at = signature_size;
    while (chunks.empty() || chunks.back().type != "IEND") {
        constexpr size_t around = 12; // length, type, CRC
        const size_t left = file.size() - at;
        const size_t length = left < around ? 0 : load_big_endian_u32(file.data() + at);
        if (left < around || length > left - around)
            throw Error(fmt::format("{}: the PNG is cut off at byte {} of its {}", name, at, file.size()));
        const std::span<const uint8_t> type_and_data = file.subspan(at + 4, 4 + length);
        if (load_big_endian_u32(file.data() + at + 8 + length) != crc32(type_and_data))
            throw Error(
                fmt::format("{}: the PNG is damaged: the chunk at byte {} does not match its CRC", name, at));
        chunks.push_back(
            {std::string(type_and_data.begin(), type_and_data.begin() + 4), type_and_data.subspan(4)});
        at += around + length;
    }
    if (chunks.front().type != "IHDR" || chunks.front().data.size() != 13)
        throw Error(fmt::format("{}: the PNG does not begin with its IHDR chunk", name));
    return chunks;
}

void append_png_chunk(std::vector<uint8_t>& file, std::string_view type, std::span<const uint8_t> data) {
    append_big_endian(file, data.size(), 4);
    const size_t start = file.size();
    file.insert(file.end(), type.begin(), type.end());
    file.insert(file.end(), data.begin(), data.end());
    append_big_endian(file, crc32(std::span(file).subspan(start)), 4);
}

} // namespace heat
