#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <span>
#include <string>

namespace heat {

/// Whether the bytes begin like a JPEG file.
bool is_jpeg(std::span<const uint8_t> bytes);

/// Decodes a JPEG, baseline or progressive, to grey or RGB, whichever the file has, and turns it upright as
/// its Exif block says. CMYK is taken as Adobe writes it, inverted: R = C·K. Colour profiles are ignored.
/// Throws Error, `name` in the message, when the bytes are no JPEG, cut off, damaged, larger than
/// check_image_size allows, of more than 1,000 scans, of a kind that libjpeg cannot read, or when this build
/// has no libjpeg.
DecodedImage decode_jpeg(std::span<const uint8_t> file, const std::string& name);

/// The version of the library that decodes; empty when this build has none.
std::string libjpeg_version();

} // namespace heat
