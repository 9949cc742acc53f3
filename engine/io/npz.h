#pragma once

#include "engine/io/npy.h"

#include <filesystem>
#include <span>
#include <string>

namespace heat {

/// One array of a .npz file; NumPy finds it under `name`.
struct NpzEntry {
    std::string name;
    NpyView array; ///< borrowed for the call
};

/// Writes a .npz as np.savez does: a zip of stored (not deflated) `name.npy` members with CRC-32 and a fixed
/// date, so that equal arrays give equal files. Written aside and renamed. Throws Error on an empty or
/// repeated name or one with a slash, and where the archive would pass 4 GiB (the format is then zip64, which
/// is not written).
void write_npz(const std::filesystem::path& path, std::span<const NpzEntry> entries);

} // namespace heat
