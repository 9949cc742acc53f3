#pragma once

// Vectors of f32, which activations in bf16 are read into and rounded from. Host only.

#include "kernels/vector.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace heat::kernels::winograd {

inline constexpr int lanes = kernels::lanes<float>;
using Vector = kernels::Vector<float>;

using Words = kernels::Vector<uint32_t>;
using Halves __attribute__((vector_size(2 * lanes))) = uint16_t;

/// `lanes` elements from any address, as f32.
HEAT_HD Vector load(const float* p) {
    return load_vector(p);
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
    store_vector(p, v);
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

} // namespace heat::kernels::winograd
