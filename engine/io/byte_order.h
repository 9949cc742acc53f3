#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace heat {

// Tensors and arrays are copied between files and memory as they are.
static_assert(std::endian::native == std::endian::little,
              "the file formats are written for little-endian machines");

/// Unsigned integers of file headers, at any alignment. The caller has checked that the bytes are there.
inline uint32_t load_big_endian_u32(const uint8_t* bytes) {
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]};
}

inline uint32_t load_little_endian_u32(const uint8_t* bytes) {
    return uint32_t{bytes[3]} << 24 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[1]} << 8 | uint32_t{bytes[0]};
}

inline uint64_t load_little_endian_u64(const uint8_t* bytes) {
    return uint64_t{load_little_endian_u32(bytes + 4)} << 32 | load_little_endian_u32(bytes);
}

/// Appends the low `width` bytes of `value`, most significant first.
inline void append_big_endian(std::vector<uint8_t>& bytes, uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
        bytes.push_back(static_cast<uint8_t>(value >> shift));
}

/// Appends the low `width` bytes of `value`, least significant first.
inline void append_little_endian(std::vector<uint8_t>& bytes, uint64_t value, int width) {
    for (int shift = 0; shift < 8 * width; shift += 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

} // namespace heat
