#pragma once

#include <cstdint>
#include <vector>

namespace heat {

/// An 8-bit image, rows top to bottom, channels interleaved: pixels[(y·width + x)·channels + c]. 1 channel is
/// grey, 3 are RGB.
struct Image8 {
    int height = 0;
    int width = 0;
    int channels = 0;
    std::vector<uint8_t> pixels;
};

} // namespace heat
