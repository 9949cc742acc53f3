#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat {

/// Throws Error unless the image has 1 or 3 channels, sides of 1…65536, as many pixels as they say, and at
/// most 256 MiB of them; `name` stands in the message.
void check_image(const Image8& image, const std::string& name);

/// The image as an 8-bit grey or RGB PNG file.
std::vector<uint8_t> encode_png(const Image8& image);

/// Writes aside and renames (see AtomicFile). Throws Error as check_image, or naming the path.
void write_png(const std::filesystem::path& path, const Image8& image);

/// Decodes any PNG to 8 bits and `channels` = 1 or 3, or 0: what the file has, 1 for grey and 3 for colour or
/// palette. Alpha is dropped, 16 bits keep their upper eight, colour to grey weighs 0.30 R + 0.59 G + 0.11 B.
/// Throws Error, `name` in the message, when the bytes are no PNG, cut off, damaged (CRC-32), or larger than
/// check_image allows.
Image8 decode_png(std::span<const uint8_t> file, const std::string& name, int channels = 0);
Image8 read_png(const std::filesystem::path& path, int channels = 0);

} // namespace heat
