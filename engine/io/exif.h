#pragma once

#include <cstdint>
#include <span>

namespace heat {

/// The orientation, 1…8, that an Exif block (a JPEG's APP1 segment: "Exif", two zeros, a TIFF header) gives
/// its picture; 1 where the block says none or is damaged. Cameras store a portrait as a landscape with
/// orientation 6 or 8.
int exif_orientation(std::span<const uint8_t> block);

} // namespace heat
