#pragma once

#include "engine/io/byte_order.h"

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace heat {

/// Builds a message of protocol buffers, field by field in the order of their numbers.
class ProtobufMessage {
public:
    void add_varint(int field, uint64_t value) {
        append_varint(uint64_t(field) << 3 | 0);
        append_varint(value);
    }
    void add_double(int field, double value) {
        append_varint(uint64_t(field) << 3 | 1);
        append_little_endian(bytes_, std::bit_cast<uint64_t>(value), 8);
    }
    void add_float(int field, float value) {
        append_varint(uint64_t(field) << 3 | 5);
        append_little_endian(bytes_, std::bit_cast<uint32_t>(value), 4);
    }
    /// Bytes, text, or a message within the message.
    void add_bytes(int field, std::span<const uint8_t> value) {
        append_varint(uint64_t(field) << 3 | 2);
        append_varint(value.size());
        bytes_.insert(bytes_.end(), value.begin(), value.end());
    }
    void add_text(int field, std::string_view text) {
        add_bytes(field, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
    std::span<const uint8_t> bytes() const { return bytes_; }

private:
    void append_varint(uint64_t value) {
        for (; value >= 128; value >>= 7) bytes_.push_back(uint8_t(value | 128));
        bytes_.push_back(uint8_t(value));
    }

    std::vector<uint8_t> bytes_;
};

/// Takes a message apart: each next() is one field. Damaged bytes end it with `valid()` false.
class ProtobufReader {
public:
    explicit ProtobufReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

    struct Field {
        int number = 0;
        uint64_t value = 0;             ///< a varint, or the bits of a float or double
        std::span<const uint8_t> bytes; ///< of a field with a length
    };
    /// nullopt at the end, and at the first damage.
    std::optional<Field> next() {
        if (rest_.empty() || !valid_) return std::nullopt;
        const uint64_t key = varint();
        Field field{.number = int(key >> 3), .value = 0, .bytes = {}};
        switch (key & 7) {
        case 0:
            field.value = varint();
            break;
        case 1:
            if (const auto eight = take(8); valid_) field.value = load_little_endian_u64(eight.data());
            break;
        case 2:
            field.bytes = take(varint());
            break;
        case 5:
            if (const auto four = take(4); valid_) field.value = load_little_endian_u32(four.data());
            break;
        default:
            valid_ = false;
        }
        return valid_ ? std::optional(field) : std::nullopt;
    }
    bool valid() const { return valid_; }

private:
    uint64_t varint() {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = take(1);
            if (!valid_) return 0;
            value |= uint64_t(byte[0] & 127) << shift;
            if (byte[0] < 128) return value;
        }
        valid_ = false;
        return 0;
    }
    std::span<const uint8_t> take(uint64_t count) {
        if (!valid_ || count > rest_.size()) {
            valid_ = false;
            return {};
        }
        const auto taken = rest_.first(size_t(count));
        rest_ = rest_.subspan(size_t(count));
        return taken;
    }

    std::span<const uint8_t> rest_;
    bool valid_ = true;
};

} // namespace heat
