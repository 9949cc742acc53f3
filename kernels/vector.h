#pragma once

// The widest vectors that this build's instructions have, by the compilers' own vector types: no intrinsics.
// Host only.

#include "kernels/portable.h"

#include <cstring>
#include <utility>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace heat::kernels {

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

/// Exchanges the elements of a and b that a transposition swaps between rows `Distance` apart.
template <int Distance, size_t... Lane>
HEAT_HD void exchange(Vector& a, Vector& b, std::index_sequence<Lane...>) {
    const Vector low =
        __builtin_shufflevector(a, b, (int(Lane) & Distance ? lanes + int(Lane) - Distance : int(Lane))...);
    b = __builtin_shufflevector(a, b, (int(Lane) & Distance ? lanes + int(Lane) : int(Lane) + Distance)...);
    a = low;
}

/// Transposes a square of `lanes` vectors.
template <int Distance = lanes / 2>
HEAT_HD void transpose(Vector* rows) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i)
        if ((i & Distance) == 0)
            exchange<Distance>(rows[i], rows[i + Distance], std::make_index_sequence<lanes>());
    if constexpr (Distance > 1) transpose<Distance / 2>(rows);
}

} // namespace heat::kernels
