#include "engine/io/exif.h"

#include <cstring>
#include <optional>

namespace heat {
namespace {

constexpr uint8_t exif_marker[6] = {'E', 'x', 'i', 'f', 0, 0};

/// Numbers of a TIFF structure, in the byte order that its header names; nothing outside its bounds.
class TiffReader {
public:
    explicit TiffReader(std::span<const uint8_t> bytes)
        : bytes_(bytes), big_endian_(bytes.size() >= 2 && bytes[0] == 'M') {}

    std::optional<uint32_t> number(size_t at, size_t size) const {
        if (at > bytes_.size() || size > bytes_.size() - at) return std::nullopt;
        uint32_t value = 0;
        for (size_t i = 0; i < size; ++i) value = value << 8 | bytes_[at + (big_endian_ ? i : size - 1 - i)];
        return value;
    }

private:
    std::span<const uint8_t> bytes_;
    bool big_endian_;
};

} // namespace

int exif_orientation(std::span<const uint8_t> block) {
    constexpr uint32_t orientation_tag = 0x0112;
    constexpr size_t entry_size = 12, value_offset = 8;
    if (block.size() < sizeof exif_marker || std::memcmp(block.data(), exif_marker, sizeof exif_marker) != 0)
        return 1;
    const TiffReader tiff(block.subspan(sizeof exif_marker));
    const std::optional<uint32_t> directory = tiff.number(4, 4);
    if (!directory) return 1;
    const uint32_t entries = tiff.number(*directory, 2).value_or(0);
    for (uint32_t i = 0; i < entries; ++i) {
        const size_t entry = size_t{*directory} + 2 + entry_size * i;
        if (tiff.number(entry, 2) != orientation_tag) continue;
        const uint32_t value = tiff.number(entry + value_offset, 2).value_or(1);
        return value >= 1 && value <= 8 ? int(value) : 1;
    }
    return 1;
}

} // namespace heat
