#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <span>
#include <string>

namespace heat {

/// No image file is larger than this.
inline constexpr uint64_t largest_image_file = uint64_t{256} << 20;

/// Decodes a PNG or JPEG file, told by its content (decode_png, decode_jpeg). Throws Error, `name` in the
/// message, for anything else.
DecodedImage decode_image(std::span<const uint8_t> file, const std::string& name);

} // namespace heat
