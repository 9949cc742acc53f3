#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <span>

namespace heat {

struct ImageGridOptions {
    int scale = 1;   ///< each pixel becomes scale × scale (nearest); 4 makes 28×28 comfortable to look at
    int columns = 0; ///< 0: chosen near square, ⌈√count⌉ (64 images → 8×8, 10 → 4 columns by 3 rows)
    int gap = 2;     ///< pixels between neighbours, not scaled
    uint8_t fill = 255; ///< value of the gaps and of cells without an image
};

/// Tiles `count` images, NHWC uint8, row by row into one. Throws Error when count < 1, channels is not 1 or
/// 3, the pixels are not count·height·width·channels, or the grid is larger than check_image allows.
Image8 image_grid(std::span<const uint8_t> pixels, int count, int height, int width, int channels,
                  const ImageGridOptions& options = {});

} // namespace heat
