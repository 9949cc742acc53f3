#pragma once

// The widest vectors that this build's instructions have, by the compilers' own vector types: no intrinsics.
// Host only.

#include "kernels/portable.h"

#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace heat::kernels::winograd {

#if defined(__AVX512F__)
inline constexpr int lanes = 16;
#else
inline constexpr int lanes = 8;
#endif

using Vector __attribute__((vector_size(4 * lanes))) = float;
using Words __attribute__((vector_size(4 * lanes))) = uint32_t;
using Halves __attribute__((vector_size(2 * lanes))) = uint16_t;

/// `lanes` elements from any address, as f32.
HEAT_HD Vector load(const float* p) {
    Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
HEAT_HD Vector load(const bf16* p) {
    Halves halves;
    std::memcpy(&halves, p, sizeof halves);
    return Vector(__builtin_convertvector(halves, Words) << 16);
}

/// The upper halves of f32 after rounding to bf16 as from_float<bf16> does, still in their words.
HEAT_HD Words rounded_to_bf16(Vector v) {
    const Words u = Words(v);
    const Words rounded = u + 0x7fffu + ((u >> 16) & 1u);
    return (u & 0x7fffffffu) > 0x7f800000u ? Words{} + 0x7fff0000u : rounded;
}

/// `lanes` elements to any address.
HEAT_HD void store(float* p, Vector v) {
    std::memcpy(p, &v, sizeof v);
}
HEAT_HD void store(bf16* p, Vector v) {
#if defined(__AVX512BF16__)
    const __m512 words = __m512(v);
    const __m256bh halves = _mm512_cvtneps_pbh(words);
#else
    const Halves halves = __builtin_convertvector(rounded_to_bf16(v) >> 16, Halves);
#endif
    std::memcpy(p, &halves, sizeof halves);
}

/// Two bf16 values that are multiplied and summed together: neighbours along the dimension that is summed
/// over.
struct Pair {
    bf16 even, odd;
};

/// `lanes` words of a matrix whose rows are pairs of rows.
HEAT_HD void store_pairs(Pair* p, Vector even, Vector odd) {
    const Words words = (rounded_to_bf16(even) >> 16) | (rounded_to_bf16(odd) & 0xffff0000u);
    std::memcpy(p, &words, sizeof words);
}

} // namespace heat::kernels::winograd
