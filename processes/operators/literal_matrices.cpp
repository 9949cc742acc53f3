#if defined(HEAT_WITH_EIGEN)
#include "processes/operators/literal_matrices.h"

#include "kernels/error.h"
#include "processes/operators/laplacian.h"

#include <fmt/format.h>

namespace heat::processes {

namespace {

using Matrix = Eigen::MatrixXd;

/// I + cL.
Matrix literal_matrix(const HeatScheme& scheme, int height, int width, double c) {
    const AxisDifference rows = axis_difference(scheme.boundary, height);
    const AxisDifference columns = axis_difference(scheme.boundary, width);
    const int points = height * width;
    Matrix matrix = Matrix::Identity(points, points);
    const auto add = [&](const AxisDifference& d, int i, int n, int pixel, int stride) {
        matrix(pixel, pixel) += c * d.diagonal[size_t(i)];
        if (i > 0) matrix(pixel, pixel - stride) += c * d.lower[size_t(i) - 1];
        if (i + 1 < n) matrix(pixel, pixel + stride) += c * d.upper[size_t(i)];
    };
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j) {
            add(rows, i, height, i * width + j, width);
            add(columns, j, width, i * width + j, 1);
        }
    return matrix;
}

} // namespace

Eigen::MatrixXd literal_a(const HeatScheme& scheme, int height, int width, bool inverse) {
    const Matrix s = literal_matrix(scheme, height, width, -(1 - scheme.theta) * scheme.k);
    const Matrix t = literal_matrix(scheme, height, width, scheme.theta * scheme.k);
    const Eigen::PartialPivLU<Matrix> lu(inverse ? t : s);
    const double reciprocal = lu.rcond();
    if (!(reciprocal > 1e-15))
        throw Error(fmt::format(
            "dense factor of {} with K = {} and theta = {}: singular, its reciprocal condition number is "
            "{:.3g}: make K smaller",
            inverse ? "T" : "S", scheme.k, scheme.theta, reciprocal));
    return lu.solve(inverse ? s : t);
}

} // namespace heat::processes
#endif
