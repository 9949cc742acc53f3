#pragma once

#include <cstdint>
#include <span>

namespace heat {

/// CRC-32 of PNG, zip and gzip (reflected polynomial 0xEDB88320, initial and final complement). `previous` is
/// the value of the bytes before these, so that a stream can be summed in pieces; 0 to begin.
uint32_t crc32(std::span<const uint8_t> bytes, uint32_t previous = 0);

} // namespace heat
