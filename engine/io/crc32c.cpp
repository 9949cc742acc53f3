#include "engine/io/crc32c.h"

#include <array>

namespace heat {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
        table[byte] = value;
    }
    return table;
}

constexpr std::array<uint32_t, 256> table = make_table();

} // namespace

uint32_t crc32c(std::span<const uint8_t> bytes, uint32_t previous) {
    uint32_t value = ~previous;
    for (const uint8_t byte : bytes) value = table[(value ^ byte) & 0xFF] ^ (value >> 8);
    return ~value;
}

uint32_t masked_crc32c(std::span<const uint8_t> bytes) {
    const uint32_t value = crc32c(bytes);
    return ((value >> 15) | (value << 17)) + 0xA282EAD8u;
}

} // namespace heat
