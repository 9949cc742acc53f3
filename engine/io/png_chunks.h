#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heat {

/// The eight bytes that begin every PNG file.
inline constexpr uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

/// A chunk of a PNG file; `data` points into the file it was split from.
struct PngChunk {
    std::string type; ///< four letters, e.g. "IHDR"
    std::span<const uint8_t> data;
};

/// The chunks of a PNG file in order, IHDR first and IEND last. Throws Error, `name` in the message, when the
/// signature is not a PNG's, a chunk is cut off, or a CRC-32 does not match.
std::vector<PngChunk> split_png(std::span<const uint8_t> file, const std::string& name);

/// Appends length, type, data and CRC-32.
void append_png_chunk(std::vector<uint8_t>& file, std::string_view type, std::span<const uint8_t> data);

} // namespace heat
