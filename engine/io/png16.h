#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace heat {

/// A 16-bit image, rows top to bottom, channels interleaved: 1 is grey, 3 are RGB.
struct Image16 {
    int height = 0;
    int width = 0;
    int channels = 0;
    std::vector<uint16_t> pixels;
};

/// The image as a 16-bit grey or RGB PNG file. Throws Error for another number of channels, a size that
/// check_image_size refuses, and other than height·width·channels pixels.
std::vector<uint8_t> encode_png16(const Image16& image);

/// Writes aside and renames (see AtomicFile). Throws Error as encode_png16, or naming the path.
void write_png16(const std::filesystem::path& path, const Image16& image);

} // namespace heat
