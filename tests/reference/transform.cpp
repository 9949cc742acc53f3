#include "tests/reference/transform.h"

#include <cmath>
#include <numbers>

namespace heat::reference {
namespace {

using kernels::TransformKind;

double trapezoid_weight(int i, int n) {
    return n > 1 && (i == 0 || i == n - 1) ? 0.5 : 1.0;
}

/// The definition is read with arguments in extended precision: at n = 1000 cos(πkj/n) in double would be off
/// by its angle's rounding.
double element(TransformKind kind, int k, int j, int n) {
    const long double pi = std::numbers::pi_v<long double>;
    switch (kind) {
    case TransformKind::dct1: {
        if (n == 1) return 1.0;
        const auto end = [n](int i) { return i == 0 || i == n - 1 ? std::sqrt(0.5L) : 1.0L; };
        return double(std::sqrt(2.0L / (n - 1)) * end(k) * end(j) * std::cos(pi * k * j / (n - 1)));
    }
    case TransformKind::dct2:
        return double(std::sqrt((k == 0 ? 1.0L : 2.0L) / n) * std::cos(pi * k * (2 * j + 1) / (2 * n)));
    case TransformKind::dct3:
        return element(TransformKind::dct2, j, k, n);
    case TransformKind::trapezoid_dct1:
        return element(TransformKind::dct1, k, j, n) * std::sqrt(trapezoid_weight(j, n));
    case TransformKind::trapezoid_dct1_inverse:
        return element(TransformKind::dct1, k, j, n) / std::sqrt(trapezoid_weight(k, n));
    default:
        return double(std::sqrt(2.0L / (n + 1)) * std::sin(pi * (k + 1) * (j + 1) / (n + 1)));
    }
}

/// y[o,k,i] = Σ_j D[k,j] x[o,j,i].
std::vector<double> along_axis(TransformKind kind, const std::vector<double>& x, size_t n, size_t inner) {
    std::vector<double> matrix, y(x.size(), 0.0);
    for (size_t k = 0; k < n; ++k)
        for (size_t j = 0; j < n; ++j) matrix.push_back(element(kind, int(k), int(j), int(n)));
    for (size_t block = 0; block < x.size(); block += n * inner)
        for (size_t k = 0; k < n; ++k)
            for (size_t j = 0; j < n; ++j)
                for (size_t i = 0; i < inner; ++i)
                    y[block + k * inner + i] += matrix[k * n + j] * x[block + j * inner + i];
    return y;
}

} // namespace

std::vector<double> transform(TransformKind kind, const std::vector<double>& x, int height, int width,
                              int channels) {
    const auto line = size_t(width) * size_t(channels);
    return along_axis(kind, along_axis(kind, x, size_t(height), line), size_t(width), size_t(channels));
}

} // namespace heat::reference
