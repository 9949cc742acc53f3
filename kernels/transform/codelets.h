#pragma once

// Short DCTs of types II, III and IV as straight-line code over vectors: every lane is a transform of its
// own.
//
// Without norms, for the angles of the definitions, they split as (Plonka, Tasche, Fast and numerically
// stable algorithms for discrete cosine transforms, 2005)
//   II(n):  even outputs are II(n/2) of x_j + x_{n−1−j}, odd ones IV(n/2) of x_j − x_{n−1−j}
//   IV(n):  pairs (x_j, x_{n−1−j}) are rotated by π(2j+1)/4n; the halves go through II(n/2); sums and
//           differences of the results are the outputs
//   III(n): II's steps, transposed, in reverse
// down to odd lengths, which are products with a (folded) matrix. Host only.

#include "kernels/vector.h"

namespace heat::kernels {

/// cos(π·numerator/denominator).
constexpr double cosine_of_pi(int64_t numerator, int64_t denominator) {
    int64_t n = numerator % (2 * denominator);
    if (n < 0) n += 2 * denominator;
    if (n > denominator) n = 2 * denominator - n;
    const bool negative = 2 * n > denominator;
    if (negative) n = denominator - n;
    // Within 0..π/2; beyond π/4 the sine of the complement keeps the series short and exact.
    const bool complement = 4 * n > denominator;
    const long double pi = 3.14159265358979323846264338327950288L;
    const long double angle = complement
                                  ? pi * (long double)(denominator - 2 * n) / (long double)(2 * denominator)
                                  : pi * (long double)n / (long double)denominator;
    long double term = complement ? angle : 1.L, sum = term;
    for (int k = complement ? 3 : 2; k < 26; k += 2) {
        term *= -angle * angle / (long double)(k * (k - 1));
        sum += term;
    }
    return double(negative ? -sum : sum);
}
constexpr double sine_of_pi(int64_t numerator, int64_t denominator) {
    return cosine_of_pi(2 * numerator - denominator, 2 * denominator);
}

template <class T, int N>
HEAT_HD void short_dct4(const Vector<T> (&x)[N], Vector<T> (&y)[N]);

/// y_k = Σ_j x_j cos(πk(2j+1)/2N).
template <class T, int N>
HEAT_HD void short_dct2(const Vector<T> (&x)[N], Vector<T> (&y)[N]) {
    constexpr int half = N / 2;
    if constexpr (N == 1) {
        y[0] = x[0];
    } else if constexpr (N % 2 == 0) {
        Vector<T> sum[half], difference[half], even[half], odd[half];
        unrolled<half>([&](auto j) __attribute__((always_inline)) {
            sum[j] = x[j] + x[N - 1 - j];
            difference[j] = x[j] - x[N - 1 - j];
        });
        short_dct2<T, half>(sum, even);
        short_dct4<T, half>(difference, odd);
        unrolled<half>([&](auto k) __attribute__((always_inline)) {
            y[2 * k] = even[k];
            y[2 * k + 1] = odd[k];
        });
    } else {
        Vector<T> sum[half], difference[half];
        unrolled<half>([&](auto j) __attribute__((always_inline)) {
            sum[j] = x[j] + x[N - 1 - j];
            difference[j] = x[j] - x[N - 1 - j];
        });
        unrolled<N>([&](auto k) __attribute__((always_inline)) {
            constexpr int row = decltype(k)::value;
            Vector<T> total{};
            if constexpr (row % 2 == 0) total = x[half] * T(cosine_of_pi(row * N, 2 * N));
            unrolled<half>([&](auto j) __attribute__((always_inline)) {
                constexpr T c = T(cosine_of_pi(row * (2 * decltype(j)::value + 1), 2 * N));
                total += (row % 2 == 0 ? sum[j] : difference[j]) * c;
            });
            y[row] = total;
        });
    }
}

/// y_j = Σ_k x_k cos(πk(2j+1)/2N).
template <class T, int N>
HEAT_HD void short_dct3(const Vector<T> (&x)[N], Vector<T> (&y)[N]) {
    constexpr int half = N / 2;
    if constexpr (N == 1) {
        y[0] = x[0];
    } else if constexpr (N % 2 == 0) {
        Vector<T> even[half], odd[half], sum[half], difference[half];
        unrolled<half>([&](auto k) __attribute__((always_inline)) {
            even[k] = x[2 * k];
            odd[k] = x[2 * k + 1];
        });
        short_dct3<T, half>(even, sum);
        short_dct4<T, half>(odd, difference);
        unrolled<half>([&](auto j) __attribute__((always_inline)) {
            y[j] = sum[j] + difference[j];
            y[N - 1 - j] = sum[j] - difference[j];
        });
    } else {
        unrolled<half + 1>([&](auto j) __attribute__((always_inline)) {
            constexpr int column = decltype(j)::value;
            Vector<T> even = x[0], odd{};
            unrolled<N>([&](auto k) __attribute__((always_inline)) {
                constexpr int row = decltype(k)::value;
                constexpr T c = T(cosine_of_pi(row * (2 * column + 1), 2 * N));
                if constexpr (row % 2 == 1 && column < half) odd += x[row] * c;
                if constexpr (row % 2 == 0 && row > 0) even += x[row] * c;
            });
            y[column] = even + odd;
            if constexpr (column < half) y[N - 1 - column] = even - odd;
        });
    }
}

/// y_k = Σ_j x_j cos(π(2k+1)(2j+1)/4N).
template <class T, int N>
HEAT_HD void short_dct4(const Vector<T> (&x)[N], Vector<T> (&y)[N]) {
    constexpr int half = N / 2;
    if constexpr (N % 2 == 0) {
        Vector<T> p[half], q[half], sum[half], difference[half];
        unrolled<half>([&](auto j) __attribute__((always_inline)) {
            constexpr int column = decltype(j)::value, sign = column % 2 ? -1 : 1;
            constexpr T c = T(cosine_of_pi(2 * column + 1, 4 * N)), s = T(sine_of_pi(2 * column + 1, 4 * N));
            p[j] = x[j] * c + x[N - 1 - j] * s;
            q[j] = x[j] * (sign * s) - x[N - 1 - j] * (sign * c);
        });
        short_dct2<T, half>(p, sum);
        short_dct2<T, half>(q, difference);
        y[0] = sum[0];
        y[N - 1] = difference[0];
        unrolled<half - 1>([&](auto i) __attribute__((always_inline)) {
            constexpr int m = decltype(i)::value + 1;
            y[2 * m] = sum[m] - difference[half - m];
            y[2 * m - 1] = sum[m] + difference[half - m];
        });
    } else {
        unrolled<N>([&](auto k) __attribute__((always_inline)) {
            constexpr int row = decltype(k)::value;
            Vector<T> total{};
            unrolled<N>([&](auto j) __attribute__((always_inline)) {
                constexpr T c = T(cosine_of_pi((2 * row + 1) * (2 * decltype(j)::value + 1), 4 * N));
                total += x[j] * c;
            });
            y[row] = total;
        });
    }
}

/// A codelet over one vector of lanes: element j is at x + j·x_stride, result k goes to y + k·y_stride, in
/// elements; y may be x. Coefficient 0 (a result of II, an argument of III) is multiplied by `first`, the
/// others by `rest`.
template <class T>
using Codelet = void (*)(const T* x, int64_t x_stride, T* y, int64_t y_stride, T first, T rest);

/// The codelets of one length. The `plain` ones take `rest` as 1.
template <class T>
struct CodeletSet {
    Codelet<T> dct2 = nullptr, dct3 = nullptr; ///< null: no codelet of this length
    Codelet<T> plain_dct2 = nullptr, plain_dct3 = nullptr, plain_dct4 = nullptr;
};

/// The codelets of length n; empty where there are none.
template <class T>
CodeletSet<T> codelets(int n);

} // namespace heat::kernels
