#pragma once

// The codelets of one type, for the source file that makes them.

#include "kernels/transform/codelets.h"

namespace heat::kernels {
namespace {

enum class Short { dct2, dct3, dct4 };

template <class T, int N, Short Kind, bool Plain>
void codelet(const T* x, int64_t x_stride, T* y, int64_t y_stride, T first, T rest) {
    Vector<T> in[N], out[N];
    unrolled<N>([&](auto j) __attribute__((always_inline)) {
        in[j] = load_vector(x + j * x_stride);
        if constexpr (Kind == Short::dct3) {
            if constexpr (decltype(j)::value == 0) in[j] *= first;
            if constexpr (decltype(j)::value != 0 && !Plain) in[j] *= rest;
        }
    });
    if constexpr (Kind == Short::dct2) short_dct2<T, N>(in, out);
    if constexpr (Kind == Short::dct3) short_dct3<T, N>(in, out);
    if constexpr (Kind == Short::dct4) short_dct4<T, N>(in, out);
    unrolled<N>([&](auto k) __attribute__((always_inline)) {
        if constexpr (Kind == Short::dct2) {
            if constexpr (decltype(k)::value == 0) out[k] *= first;
            if constexpr (decltype(k)::value != 0 && !Plain) out[k] *= rest;
        }
        store_vector(y + k * y_stride, out[k]);
    });
}

template <class T, int N>
CodeletSet<T> codelet_set() {
    CodeletSet<T> set;
    set.dct2 = codelet<T, N, Short::dct2, false>;
    set.dct3 = codelet<T, N, Short::dct3, false>;
    set.plain_dct2 = codelet<T, N, Short::dct2, true>;
    set.plain_dct3 = codelet<T, N, Short::dct3, true>;
    if constexpr (N <= 32) set.plain_dct4 = codelet<T, N, Short::dct4, true>;
    return set;
}

template <class T, int... N>
CodeletSet<T> find_codelets(int n, std::integer_sequence<int, N...>) {
    CodeletSet<T> found;
    ((n == N ? void(found = codelet_set<T, N>()) : void()), ...);
    return found;
}

/// The lengths that a halving of 2^k·(1, 3, 5, 7, 9) ends at, and the common sides of small images, but for
/// the sanitizers, which take minutes over long straight-line code.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
using CodeletLengths = std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10>;
#else
using CodeletLengths =
    std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 64>;
#endif

} // namespace
} // namespace heat::kernels
