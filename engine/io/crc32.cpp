#include "engine/io/crc32.h"

#include "engine/io/byte_order.h"

#include <array>

namespace heat {
namespace {

using Table = std::array<uint32_t, 256>;

/// tables[k][b]: the byte b followed by k zero bytes. Eight bytes are then eight look-ups that do not wait
/// for each other ("slicing by 8", Kounavis and Berry 2005).
constexpr std::array<Table, 8> make_tables() {
    std::array<Table, 8> tables{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0u);
        tables[0][byte] = value;
    }
    for (size_t k = 1; k < tables.size(); ++k)
        for (size_t byte = 0; byte < 256; ++byte) {
            const uint32_t before = tables[k - 1][byte];
            tables[k][byte] = tables[0][before & 0xFF] ^ (before >> 8);
        }
    return tables;
}

constexpr std::array<Table, 8> tables = make_tables();

} // namespace

uint32_t crc32(std::span<const uint8_t> bytes, uint32_t previous) {
    uint32_t value = ~previous;
    const uint8_t* at = bytes.data();
    size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        const uint64_t x = load_little_endian_u64(at) ^ value;
        value = tables[7][x & 0xFF] ^ tables[6][x >> 8 & 0xFF] ^ tables[5][x >> 16 & 0xFF] ^
                tables[4][x >> 24 & 0xFF] ^ tables[3][x >> 32 & 0xFF] ^ tables[2][x >> 40 & 0xFF] ^
                tables[1][x >> 48 & 0xFF] ^ tables[0][x >> 56];
    }
    for (; left > 0; ++at, --left) value = tables[0][(value ^ *at) & 0xFF] ^ (value >> 8);
    return ~value;
}

} // namespace heat
