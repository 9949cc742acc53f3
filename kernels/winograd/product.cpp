#include "kernels/winograd/product.h"

#include "kernels/winograd/vector.h"

#include <algorithm>
#include <array>
#include <utility>

namespace heat::kernels::winograd {
namespace {

// A tile of rows × vectors accumulators must leave room for a row of B and one value of A: 24 of 32 registers
// with AVX-512, 12 of 16 with AVX2.
constexpr int accumulators = lanes == 16 ? 24 : 12;
constexpr int most_rows = 12;

constexpr int rows_of(int vectors) {
    return std::min(accumulators / vectors, most_rows);
}

/// Σ + a·line, or Σ + a.even·line.even + a.odd·line.odd.
HEAT_HD Vector multiply_add(Vector sum, const float* a, Vector line) {
    return sum + *a * line;
}
HEAT_HD Vector load_line(const float* b) {
    return load(b);
}
#if defined(__AVX512BF16__)
HEAT_HD Vector multiply_add(Vector sum, const Pair* a, __m512bh line) {
    const __m512i both = _mm512_set1_epi32(__builtin_bit_cast(int, *a));
    return Vector(_mm512_dpbf16_ps(__m512(sum), (__m512bh)both, line));
}
HEAT_HD __m512bh load_line(const Pair* b) {
    return (__m512bh)_mm512_loadu_si512(b);
}
#endif

template <class Element, int Rows, int Vectors, bool Accumulate>
void tile(const Product& p, const Element* a, const Element* b, float* d) {
    Vector sum[Rows][Vectors];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j)
            sum[i][j] = Accumulate ? load(d + i * p.d_row + j * lanes) : Vector{};
    const int64_t row = p.a_row, step = p.a_step, b_row = p.b_row;
    for (int64_t k = 0; k < p.depth; ++k, a += step, b += b_row) {
        decltype(load_line(b)) line[Vectors];
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) line[j] = load_line(b + j * lanes);
#pragma GCC unroll 12
        for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < Vectors; ++j) sum[i][j] = multiply_add(sum[i][j], a + i * row, line[j]);
    }
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) store(d + i * p.d_row + j * lanes, sum[i][j]);
}

template <class Element>
using TileFunction = void (*)(const Product&, const Element*, const Element*, float*);

/// The tiles of 1 … most_rows rows; those that would not fit the registers stand for the largest that does.
template <class Element, int Vectors, bool Accumulate, size_t... Rows>
constexpr std::array<TileFunction<Element>, sizeof...(Rows)> tiles(std::index_sequence<Rows...>) {
    return {tile<Element, std::min(int(Rows) + 1, rows_of(Vectors)), Vectors, Accumulate>...};
}

template <class Element, int Vectors>
void run(const Product& p, const Element* a, const Element* b, float* d) {
    constexpr auto rows = std::make_index_sequence<most_rows>();
    static constexpr auto fresh = tiles<Element, Vectors, false>(rows),
                          added = tiles<Element, Vectors, true>(rows);
    const auto& all = p.accumulate ? added : fresh;
    // Equal parts: a last one of a single row would cost as much as a full one.
    const int64_t parts = (p.rows + rows_of(Vectors) - 1) / rows_of(Vectors);
    for (int64_t part = 0; part < parts; ++part) {
        const int64_t first = part * p.rows / parts, last = (part + 1) * p.rows / parts;
        all[size_t(last - first - 1)](p, a + first * p.a_row, b, d + first * p.d_row);
    }
}

template <class Element>
void dispatch(const Product& p, const Element* a, const Element* b, float* d) {
    switch (p.vectors) {
    case 1:
        return run<Element, 1>(p, a, b, d);
    case 2:
        return run<Element, 2>(p, a, b, d);
    case 3:
        return run<Element, 3>(p, a, b, d);
    default:
        return run<Element, 4>(p, a, b, d);
    }
}

} // namespace

void multiply(const Product& p, const float* a, const float* b, float* d) {
    dispatch(p, a, b, d);
}
#if defined(__AVX512BF16__)
void multiply(const Product& p, const Pair* a, const Pair* b, float* d) {
    dispatch(p, a, b, d);
}
#endif

} // namespace heat::kernels::winograd
