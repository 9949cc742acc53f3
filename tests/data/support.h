#pragma once

// Data set files written by hand, byte by byte.

#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "tests/io/support.h"

#include <cstdint>
#include <span>
#include <vector>

namespace heat::test {

/// An IDX images file with pixel i = 3·i + 1 (mod 256).
inline std::vector<uint8_t> make_idx_images(uint32_t count, uint32_t height, uint32_t width) {
    std::vector<uint8_t> file;
    for (const uint32_t value : {0x00000803u, count, height, width}) append_big_endian(file, value, 4);
    for (uint32_t i = 0; i < count * height * width; ++i) file.push_back(static_cast<uint8_t>(3 * i + 1));
    return file;
}

inline std::vector<uint8_t> make_idx_labels(std::span<const uint8_t> labels) {
    std::vector<uint8_t> file;
    append_big_endian(file, 0x00000801, 4);
    append_big_endian(file, labels.size(), 4);
    append(file, labels);
    return file;
}

/// The value of a pixel of make_cifar10.
inline uint8_t cifar10_pixel(int image, int y, int x, int channel) {
    return static_cast<uint8_t>(31 * image + 7 * y + 3 * x + 101 * channel);
}

/// A CIFAR-10 binary file with these labels.
inline std::vector<uint8_t> make_cifar10(std::span<const uint8_t> labels) {
    std::vector<uint8_t> file;
    for (size_t i = 0; i < labels.size(); ++i) {
        file.push_back(labels[i]);
        for (int channel = 0; channel < 3; ++channel)
            for (int y = 0; y < 32; ++y)
                for (int x = 0; x < 32; ++x)
                    file.push_back(cifar10_pixel(static_cast<int>(i), y, x, channel));
    }
    return file;
}

/// A gzip member with one stored block, up to 65,535 bytes.
inline std::vector<uint8_t> make_gzip(std::span<const uint8_t> content) {
    std::vector<uint8_t> file{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1};
    append_little_endian(file, content.size(), 2);
    append_little_endian(file, ~content.size(), 2);
    append(file, content);
    append_little_endian(file, crc32(content), 4);
    append_little_endian(file, content.size(), 4);
    return file;
}

} // namespace heat::test
