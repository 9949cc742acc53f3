#include "kernels/winograd/product.h"

#include "kernels/winograd/vector.h"

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

template <int Rows, int Vectors, bool Accumulate>
void tile(const Product& p, const float* a, const float* b, float* d) {
    Vector sum[Rows][Vectors];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j)
            sum[i][j] = Accumulate ? load(d + i * p.d_row + j * lanes) : Vector{};
    const int64_t row = p.a_row, step = p.a_step, b_row = p.b_row;
    for (int64_t k = 0; k < p.depth; ++k, a += step, b += b_row) {
        Vector line[Vectors];
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) line[j] = load(b + j * lanes);
#pragma GCC unroll 12
        for (int i = 0; i < Rows; ++i) {
            const float x = a[i * row];
#pragma GCC unroll 4
            for (int j = 0; j < Vectors; ++j) sum[i][j] += x * line[j];
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Vectors; ++j) store(d + i * p.d_row + j * lanes, sum[i][j]);
}

using Tile = void (*)(const Product&, const float*, const float*, float*);

/// The tiles of 1 … most_rows rows; those that would not fit the registers stand for the largest that does.
template <int Vectors, bool Accumulate, size_t... Rows>
constexpr std::array<Tile, sizeof...(Rows)> tiles(std::index_sequence<Rows...>) {
    return {tile<std::min(int(Rows) + 1, rows_of(Vectors)), Vectors, Accumulate>...};
}

template <int Vectors, bool Accumulate>
void run(const Product& p, const float* a, const float* b, float* d) {
    static constexpr auto all = tiles<Vectors, Accumulate>(std::make_index_sequence<most_rows>());
    // Equal parts: a last one of a single row would cost as much as a full one.
    const int64_t parts = (p.rows + rows_of(Vectors) - 1) / rows_of(Vectors);
    for (int64_t part = 0; part < parts; ++part) {
        const int64_t first = part * p.rows / parts, last = (part + 1) * p.rows / parts;
        all[size_t(last - first - 1)](p, a + first * p.a_row, b, d + first * p.d_row);
    }
}

template <bool Accumulate>
void dispatch(const Product& p, const float* a, const float* b, float* d) {
    switch (p.vectors) {
    case 1:
        return run<1, Accumulate>(p, a, b, d);
    case 2:
        return run<2, Accumulate>(p, a, b, d);
    case 3:
        return run<3, Accumulate>(p, a, b, d);
    default:
        return run<4, Accumulate>(p, a, b, d);
    }
}

} // namespace

void multiply(const Product& p, const float* a, const float* b, float* d) {
    dispatch<false>(p, a, b, d);
}
void multiply_add(const Product& p, const float* a, const float* b, float* d) {
    dispatch<true>(p, a, b, d);
}

} // namespace heat::kernels::winograd
