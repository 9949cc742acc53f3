#include "kernels/transform/matrices.h"

#include <cmath>

namespace heat::kernels {
namespace {

constexpr double pi = 3.14159265358979323846;

double dct1(int64_t k, int64_t j, int64_t n) {
    if (n == 1) return 1.0;
    const auto end = [n](int64_t i) { return i == 0 || i == n - 1; };
    // A product of angles is reduced in integers, which keeps the angle exact; the period is 2(n − 1) steps.
    const int64_t steps = k * j % (2 * (n - 1));
    return std::sqrt(2.0 / double(n - 1) * (end(k) ? 0.5 : 1.0) * (end(j) ? 0.5 : 1.0)) *
           std::cos(pi * double(steps) / double(n - 1));
}

double trapezoid_weight(int64_t j, int64_t n) {
    return n > 1 && (j == 0 || j == n - 1) ? 0.5 : 1.0;
}

double dct2(int64_t k, int64_t j, int64_t n) {
    return std::sqrt((k ? 2.0 : 1.0) / double(n)) *
           std::cos(pi * double(k * (2 * j + 1) % (4 * n)) / double(2 * n));
}

double dst1(int64_t k, int64_t j, int64_t n) {
    return std::sqrt(2.0 / double(n + 1)) *
           std::sin(pi * double((k + 1) * (j + 1) % (2 * (n + 1))) / double(n + 1));
}

} // namespace

std::vector<double> transform_matrix(TransformKind kind, int n) {
    std::vector<double> matrix;
    matrix.reserve(size_t(n) * size_t(n));
    for (int k = 0; k < n; ++k)
        for (int j = 0; j < n; ++j) switch (kind) {
            case TransformKind::dct1:
                matrix.push_back(dct1(k, j, n));
                break;
            case TransformKind::dct2:
                matrix.push_back(dct2(k, j, n));
                break;
            case TransformKind::dct3:
                matrix.push_back(dct2(j, k, n));
                break;
            case TransformKind::trapezoid_dct1:
                matrix.push_back(dct1(k, j, n) * std::sqrt(trapezoid_weight(j, n)));
                break;
            case TransformKind::trapezoid_dct1_inverse:
                matrix.push_back(dct1(k, j, n) / std::sqrt(trapezoid_weight(k, n)));
                break;
            case TransformKind::dst1:
                matrix.push_back(dst1(k, j, n));
            }
    return matrix;
}

std::vector<double> interleaved_transform_matrix(TransformKind kind, int n, int channels) {
    const std::vector<double> plain = transform_matrix(kind, n);
    const auto size = size_t(n), depth = size_t(channels), side = size * depth;
    std::vector<double> matrix(side * side, 0.0);
    for (size_t k = 0; k < size; ++k)
        for (size_t j = 0; j < size; ++j)
            for (size_t c = 0; c < depth; ++c)
                matrix[(k * depth + c) * side + j * depth + c] = plain[k * size + j];
    return matrix;
}

} // namespace heat::kernels
