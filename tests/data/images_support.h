#pragma once

// Folders and zip files of images, made by hand.

#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "engine/io/png.h"
#include "tests/io/support.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heat::test {

/// A picture that depends on `seed` at every pixel.
inline Image8 make_picture(int height, int width, int channels, int seed) {
    Image8 image{height, width, channels, {}};
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < channels; ++c)
                image.pixels.push_back(uint8_t(37 * seed + 7 * y + 3 * x + 90 * c));
    return image;
}

inline std::vector<uint8_t> make_png(int height, int width, int channels, int seed) {
    return encode_png(make_picture(height, width, channels, seed));
}

/// Writes folder/name, and the folders on the way.
inline void write_below(const std::filesystem::path& folder, std::string_view name,
                        std::span<const uint8_t> bytes) {
    const std::filesystem::path path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    write_bytes(path, bytes);
}

struct ZipEntry {
    std::string name;
    std::vector<uint8_t> content;
    bool encrypted = false;
    int64_t claimed_size = -1; ///< in place of the true one
};

/// A zip file of stored entries.
inline std::vector<uint8_t> make_zip(const std::vector<ZipEntry>& entries) {
    std::vector<uint8_t> file, directory;
    for (const ZipEntry& entry : entries) {
        std::vector<uint8_t> common;
        const uint64_t size = entry.claimed_size < 0 ? entry.content.size() : uint64_t(entry.claimed_size);
        for (const int number :
             {20, entry.encrypted ? 1 : 0, 0, 0, 0x5021}) // version, flags, stored, time, date
            append_little_endian(common, uint64_t(number), 2);
        append_little_endian(common, crc32(entry.content), 4);
        append_little_endian(common, size, 4);
        append_little_endian(common, size, 4);
        append_little_endian(common, entry.name.size(), 2);
        append_little_endian(common, 0, 2);
        append_little_endian(directory, 0x02014B50, 4);
        append_little_endian(directory, 20, 2);
        append(directory, common);
        directory.insert(directory.end(), 10, 0); // comment, disk, attributes
        append_little_endian(directory, file.size(), 4);
        append(directory, to_bytes(entry.name));
        append_little_endian(file, 0x04034B50, 4);
        append(file, common);
        append(file, to_bytes(entry.name));
        append(file, entry.content);
    }
    const size_t at = file.size();
    append(file, directory);
    append_little_endian(file, 0x06054B50, 4);
    append_little_endian(file, 0, 4);
    append_little_endian(file, entries.size(), 2);
    append_little_endian(file, entries.size(), 2);
    append_little_endian(file, directory.size(), 4);
    append_little_endian(file, at, 4);
    append_little_endian(file, 0, 2);
    return file;
}

} // namespace heat::test
