#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace heat::fuzz {

/// Changes files at random, the same for the same seed on every machine.
class Mutation {
public:
    explicit Mutation(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

    /// `file` with one to four changes: bytes flipped, set, removed, repeated, cut off, or taken from
    /// `other`.
    std::vector<uint8_t> apply(std::span<const uint8_t> file, std::span<const uint8_t> other);

private:
    void change(std::vector<uint8_t>& bytes, std::span<const uint8_t> other);
    /// A number below n (xorshift64*); 0 where n is 0.
    size_t below(size_t n);

    uint64_t state_;
};

} // namespace heat::fuzz
