#include "kernels/transform/line.h"
#include "kernels/transform/matrices.h"

#include <algorithm>

namespace heat::kernels {
namespace {

// Accumulators of a tile: with one value of the input they leave some of the 32 (AVX-512) or 16 registers
// free.
constexpr int tile_rows = lanes<float> == 16 ? 12 : 8;

/// out_r = Σ_k m[k·rows + r] in_k for `Rows` rows from `m` on.
template <class T, int Rows>
void product_tile(const T* m, int rows, int depth, const T* in, T* out) {
    constexpr int64_t step = lanes<T>;
    Vector<T> total[Rows];
    unrolled<Rows>([&](auto r) __attribute__((always_inline)) { total[r] = Vector<T>{}; });
    for (int k = 0; k < depth; ++k, m += rows) {
        const Vector<T> line = load_vector(in + k * step);
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) { total[r] += line * m[r]; });
    }
    unrolled<Rows>([&](auto r) __attribute__((always_inline)) { store_vector<T>(out + r * step, total[r]); });
}

template <class T, int... Rows>
void product_tile(int count, const T* m, int rows, int depth, const T* in, T* out,
                  std::integer_sequence<int, Rows...>) {
    ((count == Rows + 1 ? product_tile<T, Rows + 1>(m, rows, depth, in, out) : void()), ...);
}

/// `m` is depth × rows, `in` depth vectors, `out` rows vectors.
template <class T>
void product(const std::vector<T>& m, int rows, int depth, const T* in, T* out) {
    const int tiles = (rows + tile_rows - 1) / tile_rows; // of equal heights
    for (int tile = 0; tile < tiles; ++tile) {
        const int first = tile * rows / tiles, last = (tile + 1) * rows / tiles;
        product_tile(last - first, m.data() + first, rows, depth, in, out + first * lanes<T>,
                     std::make_integer_sequence<int, tile_rows>{});
    }
}

/// In all kinds but DCT-III, row k of the matrix is symmetric for even k and antisymmetric for odd k: the
/// even rows see sums of the elements mirrored in the middle, the odd ones differences. DCT-III is the
/// transpose.
template <class T>
class FoldedProduct final : public LineTransform<T> {
public:
    FoldedProduct(TransformKind kind, int n) : n_(n), inverse_(kind == TransformKind::dct3) {
        const std::vector<double> d = transform_matrix(inverse_ ? TransformKind::dct2 : kind, n);
        const int evens = (n + 1) / 2, odds = n / 2;
        // Element (k, j) of the half matrices lies at [j][k] for the product by them, at [k][j] for that by
        // their transposes.
        even_.resize(size_t(evens) * size_t(evens));
        odd_.resize(size_t(odds) * size_t(odds));
        for (int k = 0; k < evens; ++k)
            for (int j = 0; j < evens; ++j)
                even_[size_t(inverse_ ? k * evens + j : j * evens + k)] =
                    T(d[size_t(2 * k) * size_t(n) + size_t(j)]);
        for (int k = 0; k < odds; ++k)
            for (int j = 0; j < odds; ++j)
                odd_[size_t(inverse_ ? k * odds + j : j * odds + k)] =
                    T(d[size_t(2 * k + 1) * size_t(n) + size_t(j)]);
    }

    void run(const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const override {
        constexpr int64_t step = lanes<T>;
        const int n = n_, evens = (n + 1) / 2, odds = n / 2;
        T *in = scratch, *odd_in = scratch + evens * step;
        T *out = scratch + n * step, *odd_out = out + evens * step;
        if (inverse_) {
            for (int k = 0; k < evens; ++k) store_vector(in + k * step, load_vector(x + 2 * k * x_stride));
            for (int k = 0; k < odds; ++k)
                store_vector(odd_in + k * step, load_vector(x + (2 * k + 1) * x_stride));
        } else {
            for (int j = 0; j < odds; ++j) {
                const Vector<T> a = load_vector(x + j * x_stride),
                                b = load_vector(x + (n - 1 - j) * x_stride);
                store_vector<T>(in + j * step, a + b);
                store_vector<T>(odd_in + j * step, a - b);
            }
            if (n % 2) store_vector(in + odds * step, load_vector(x + odds * x_stride));
        }
        product(even_, evens, evens, in, out);
        product(odd_, odds, odds, odd_in, odd_out);
        if (inverse_) {
            for (int j = 0; j < odds; ++j) {
                const Vector<T> a = load_vector(out + j * step), b = load_vector(odd_out + j * step);
                store_vector<T>(y + j * y_stride, a + b);
                store_vector<T>(y + (n - 1 - j) * y_stride, a - b);
            }
            if (n % 2) store_vector(y + odds * y_stride, load_vector(out + odds * step));
        } else {
            for (int k = 0; k < evens; ++k) store_vector(y + 2 * k * y_stride, load_vector(out + k * step));
            for (int k = 0; k < odds; ++k)
                store_vector(y + (2 * k + 1) * y_stride, load_vector(odd_out + k * step));
        }
    }

    int64_t scratch_elements() const override { return 2 * int64_t(n_) * lanes<T>; }

private:
    int n_;
    bool inverse_;
    std::vector<T> even_, odd_;
};

} // namespace

template <class T>
std::unique_ptr<LineTransform<T>> folded_product(TransformKind kind, int n) {
    return std::make_unique<FoldedProduct<T>>(kind, n);
}

template std::unique_ptr<LineTransform<float>> folded_product(TransformKind, int);
template std::unique_ptr<LineTransform<double>> folded_product(TransformKind, int);

} // namespace heat::kernels
