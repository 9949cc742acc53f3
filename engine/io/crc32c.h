#pragma once

#include <cstdint>
#include <span>

namespace heat {

/// CRC-32C (Castagnoli: reflected polynomial 0x82F63B78, initial and final complement), the sum of iSCSI and
/// of TensorFlow's records. `previous` is the value of the bytes before these; 0 to begin.
uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t previous = 0);

/// TFRecord's masked form, rotated right by 15 bits plus a constant: a sum stored among the bytes that
/// another sum covers would weaken it.
uint32_t masked_crc32c(std::span<const uint8_t> bytes);

} // namespace heat
