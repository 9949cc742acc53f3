#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace heat {

/// An animated PNG of the frames, all of one size and 1 or 3 channels; a program that does not know animation
/// shows the first frame. `delays_ms[i]` is how long frame i stays, in milliseconds, 0…65535. `loops` = 0
/// repeats for ever. Throws Error when there is no frame, the sizes differ, or there is not one delay a
/// frame.
std::vector<uint8_t> encode_apng(std::span<const Image8> frames, std::span<const int> delays_ms,
                                 uint32_t loops = 0);

/// Writes aside and renames (see AtomicFile).
void write_apng(const std::filesystem::path& path, std::span<const Image8> frames,
                std::span<const int> delays_ms, uint32_t loops = 0);

} // namespace heat
