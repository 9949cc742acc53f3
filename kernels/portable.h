#pragma once

// What lets one kernel source serve the host compiler and nvcc: function attributes, the bf16 storage type,
// and vectors of a width chosen by the launcher. See docs/architecture.md, "One source, two devices".

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_runtime.h>
#define HEAT_HD __host__ __device__ __forceinline__
#else
#define HEAT_HD inline __attribute__((always_inline))
#endif

namespace heat {

/// bfloat16 as storage: the upper half of an f32. Arithmetic happens in f32 after to_float.
struct bf16 {
    uint16_t bits;
};
static_assert(sizeof(bf16) == 2);

} // namespace heat

namespace heat::kernels {

HEAT_HD float to_float(float x) {
    return x;
}
// By reference: a copy of the struct keeps loops scalar.
HEAT_HD float to_float(const bf16& x) {
    return __builtin_bit_cast(float, uint32_t(x.bits) << 16);
}

/// Converts an f32 to T; to bf16 with round-to-nearest-even, NaN kept.
template <class T>
HEAT_HD T from_float(float x);

template <>
HEAT_HD float from_float<float>(float x) {
    return x;
}

template <>
HEAT_HD bf16 from_float<bf16>(float x) {
#if defined(__CUDA_ARCH__)
    return bf16{__bfloat16_as_ushort(__float2bfloat16_rn(x))};
#else
    const uint32_t u = __builtin_bit_cast(uint32_t, x);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    return bf16{uint16_t((u & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded)};
#endif
}

/// V consecutive elements, loaded and stored as one access on the device.
template <class T, int V>
struct alignas(sizeof(T) * V) Vec {
    T v[V];
};

template <int V, class T>
HEAT_HD Vec<T, V> load(const T* p) {
#if defined(__CUDA_ARCH__)
    return *reinterpret_cast<const Vec<T, V>*>(p);
#else
    Vec<T, V> r;
    for (int k = 0; k < V; ++k) r.v[k] = p[k];
    return r;
#endif
}

template <int V, class T>
HEAT_HD void store(T* p, Vec<T, V> r) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<Vec<T, V>*>(p) = r;
#else
    for (int k = 0; k < V; ++k) p[k] = r.v[k];
#endif
}

} // namespace heat::kernels
