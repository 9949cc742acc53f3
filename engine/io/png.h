#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat {

/// The image as an 8-bit grey or RGB PNG file.
std::vector<uint8_t> encode_png(const Image8& image);

/// Writes aside and renames (see AtomicFile). Throws Error as check_image, or naming the path.
void write_png(const std::filesystem::path& path, const Image8& image);

/// Whether the bytes begin with PNG's signature.
bool is_png(std::span<const uint8_t> bytes);

/// Decodes any PNG to 8-bit grey or RGB, whichever the file has (a palette is RGB). 16 bits are rounded to
/// the nearest of 8, fewer than 8 scaled up, transparency is laid over white, gamma and colour profiles are
/// ignored. Throws Error, `name` in the message, when the bytes are no PNG, cut off, damaged, larger than
/// check_image_size allows, or when this build has no libpng. What the compressed data expand to beyond the
/// size in the header takes no memory.
DecodedImage decode_png(std::span<const uint8_t> file, const std::string& name);

/// The version of the library that decodes; empty when this build has none.
std::string libpng_version();

} // namespace heat
