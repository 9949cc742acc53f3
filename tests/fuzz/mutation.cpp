#include "tests/fuzz/mutation.h"

#include <algorithm>

namespace heat::fuzz {

size_t Mutation::below(size_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    const uint64_t bits = (state_ * 0x2545F4914F6CDD1Du) >> 32;
    return n == 0 ? 0 : size_t(bits % n);
}

void Mutation::change(std::vector<uint8_t>& bytes, std::span<const uint8_t> other) {
    static constexpr uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '0', '9', '-', '"', '[', '{', '\n'};
    const size_t at = below(bytes.size()), length = std::min(1 + below(16), bytes.size() - at);
    const auto place = bytes.begin() + std::ptrdiff_t(at), end = place + std::ptrdiff_t(length);
    switch (below(7)) {
    case 0:
        if (!bytes.empty()) *place ^= uint8_t(1u << below(8));
        break;
    case 1:
        if (!bytes.empty()) *place = values[below(std::size(values))];
        break;
    case 2:
        std::fill(place, end, values[below(std::size(values))]);
        break;
    case 3:
        bytes.erase(place, end);
        break;
    case 4: {
        const std::vector<uint8_t> part(place, end);
        bytes.insert(place, part.begin(), part.end());
        break;
    }
    case 5:
        if (below(4) == 0) bytes.resize(at);
        break;
    default:
        if (!other.empty()) {
            const size_t from = below(other.size()), count = std::min(1 + below(64), other.size() - from);
            const std::span<const uint8_t> part = other.subspan(from, count);
            bytes.insert(place, part.begin(), part.end());
        }
    }
}

std::vector<uint8_t> Mutation::apply(std::span<const uint8_t> file, std::span<const uint8_t> other) {
    std::vector<uint8_t> bytes(file.begin(), file.end());
    for (size_t changes = 1 + below(4); changes > 0; --changes) change(bytes, other);
    return bytes;
}

} // namespace heat::fuzz
