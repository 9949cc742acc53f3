#pragma once

// A vector of lanes as wide as this build's instructions, by the compilers' own vector types, and the
// exchange of lanes for rows. Host only.

#include "kernels/portable.h"

#include <cstring>
#include <utility>

namespace heat::kernels {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#else
inline constexpr int vector_bytes = 32;
#endif

template <class T>
inline constexpr int lanes = vector_bytes / int(sizeof(T));

template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(vector_bytes)));
};
/// `lanes<T>` elements.
template <class T>
using Vector = typename VectorOf<T>::type;

/// From any address.
template <class T>
HEAT_HD Vector<T> load_vector(const T* p) {
    Vector<T> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
/// To any address.
template <class T>
HEAT_HD void store_vector(T* p, Vector<T> v) {
    std::memcpy(p, &v, sizeof v);
}

/// f(0) … f(N−1) with constants as arguments, so that arrays they index can live in registers.
template <int N, class F>
HEAT_HD void unrolled(F f) {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, I>{}), ...);
    }
    (std::make_integer_sequence<int, N>{});
}

/// One step of a transposition: blocks of Step lanes change places between two rows Step apart.
template <int Step, class V>
HEAT_HD void exchange_blocks(V& a, V& b) {
    constexpr int count = int(sizeof(V) / sizeof(a[0]));
    const V first = a, second = b;
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        a = __builtin_shufflevector(first, second, ((I & Step) == 0 ? I : count + I - Step)...);
        b = __builtin_shufflevector(first, second, ((I & Step) == 0 ? I + Step : count + I)...);
    }
    (std::make_integer_sequence<int, count>{});
}

template <int Step, class V, int N>
HEAT_HD void transpose_steps(V (&rows)[N]) {
    if constexpr (Step > 0) {
        unrolled<N>([&](auto i) __attribute__((always_inline)) {
            if constexpr ((i & Step) == 0) exchange_blocks<Step>(rows[i], rows[i + Step]);
        });
        transpose_steps<Step / 2>(rows);
    }
}

/// Transposes as many rows as a vector has lanes.
template <class V, int N>
HEAT_HD void transpose(V (&rows)[N]) {
    static_assert(N * sizeof(rows[0][0]) == sizeof(V));
    transpose_steps<N / 2>(rows); // the far steps first: with 16 lanes a little faster than the near ones
}

} // namespace heat::kernels
