#pragma once

#include "engine/io/file.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat {

/// Whether the bytes begin like a gzip file.
bool is_gzip(std::span<const uint8_t> bytes);

/// Unpacks a gzip file, of several members too. Throws Error, `name` in the message, when it is cut off,
/// damaged (CRC-32), followed by something else, unpacks to more than `max_bytes`, or when this build has no
/// zlib.
std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name,
                            uint64_t max_bytes = largest_file_in_memory);

/// The content of a file, unpacked when it is gzip (told by its content, not by its name).
std::vector<uint8_t> read_maybe_gzip(const std::filesystem::path& path);

} // namespace heat
