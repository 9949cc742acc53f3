#pragma once

// The widest vectors that this build's instructions have, by the compilers' own vector types: no intrinsics.
// Host only.

#include "kernels/portable.h"

#include <cstring>

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

/// `lanes` elements to any address; to bf16 as from_float<bf16> rounds.
HEAT_HD void store(float* p, Vector v) {
    std::memcpy(p, &v, sizeof v);
}
HEAT_HD void store(bf16* p, Vector v) {
    const Words u = Words(v);
    const Words rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const Words kept = (u & 0x7fffffffu) > 0x7f800000u ? Words{} + 0x7fffu : rounded;
    const Halves halves = __builtin_convertvector(kept, Halves);
    std::memcpy(p, &halves, sizeof halves);
}

} // namespace heat::kernels::winograd
