#pragma once

#include "engine/data/dataset.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

namespace heat {

/// Whether the (unpacked) content begins with the magic number of any IDX file of unsigned bytes: 00 00 08
/// and the number of dimensions.
bool is_idx(std::span<const uint8_t> content);

/// Reads an IDX images file, gzip-compressed or not: magic 0x00000803, then count, rows and columns as
/// big-endian u32, then the pixels; one channel. Labels come from the file that labels_file_of finds, if any.
/// Throws Error as load_dataset; sides are 1…16384, and sizes are checked against the file before anything is
/// allocated.
Dataset load_idx(const std::filesystem::path& images_path);

/// The same with the unpacked content of `images_path` already read.
Dataset load_idx(const std::filesystem::path& images_path, std::vector<uint8_t> content);

/// The labels of "…images…idx3…" are beside it in "…labels…idx1…", with or without ".gz".
std::optional<std::filesystem::path> labels_file_of(const std::filesystem::path& images_path);

/// Reads an IDX labels file: magic 0x00000801, count, one byte a label.
std::vector<int> load_idx_labels(const std::filesystem::path& path);

} // namespace heat
