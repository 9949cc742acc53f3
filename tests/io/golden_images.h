#pragma once

// The files of tests/golden/images and the pixels that they hold (tests/golden/make_images.py).

#include "engine/io/file.h"
#include "engine/io/image8.h"
#include "engine/io/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace heat::test {

inline std::filesystem::path golden_image_path(const std::string& name) {
    return std::filesystem::path(HEAT_SOURCE_DIR) / "tests/golden/images" / name;
}

inline std::vector<uint8_t> golden_image_file(const std::string& name) {
    return read_file(golden_image_path(name));
}

inline Image8 golden_pixels(const std::string& name) {
    const SafetensorsFile file(HEAT_SOURCE_DIR "/tests/golden/images.safetensors");
    const SafetensorsEntry& entry = file.at(name);
    return {int(entry.shape.at(0)),
            int(entry.shape.at(1)),
            int(entry.shape.at(2)),
            {entry.bytes.begin(), entry.bytes.end()}};
}

/// The largest difference of a pixel; 256 where the shapes differ.
inline int largest_difference(const Image8& a, const Image8& b) {
    if (a.height != b.height || a.width != b.width || a.channels != b.channels ||
        a.pixels.size() != b.pixels.size())
        return 256;
    int largest = 0;
    for (size_t i = 0; i < a.pixels.size(); ++i)
        largest = std::max(largest, std::abs(int(a.pixels[i]) - int(b.pixels[i])));
    return largest;
}

} // namespace heat::test
