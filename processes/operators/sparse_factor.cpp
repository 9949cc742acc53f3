#include "processes/operators/sparse_factor.h"

#include "kernels/error.h"
#include "processes/operators/eigen_missing.h"

#include <fmt/format.h>

#if defined(HEAT_WITH_EIGEN)
#include <Eigen/SparseCholesky>
#endif

namespace heat::processes {

int64_t SparseFactor::bytes() const {
    const auto of = [](const Triangle& t) {
        return sizeof(int32_t) * (t.starts.size() + t.pixels.size()) + sizeof(double) * t.values.size();
    };
    return int64_t(sizeof(int32_t) * order.size() + of(rows) + of(columns) +
                   sizeof(double) * diagonal.size());
}

#if defined(HEAT_WITH_EIGEN)

namespace {

using Matrix = Eigen::SparseMatrix<double, Eigen::ColMajor, int32_t>;

/// The lower triangle of I − cL.
Matrix lower_triangle(const Stencil& stencil, double c) {
    const Stencil::Axis &rows = stencil.rows(), &columns = stencil.columns();
    const auto height = rows.diagonal.size(), width = columns.diagonal.size();
    std::vector<Eigen::Triplet<double, int32_t>> entries;
    entries.reserve(3 * height * width);
    for (size_t i = 0; i < height; ++i)
        for (size_t j = 0; j < width; ++j) {
            const auto pixel = int32_t(i * width + j);
            entries.emplace_back(pixel, pixel, 1 - c * (rows.diagonal[i] + columns.diagonal[j]));
            if (j > 0) entries.emplace_back(pixel, pixel - 1, -c * columns.before[j]);
            if (i > 0) entries.emplace_back(pixel, pixel - int32_t(width), -c * rows.before[i]);
        }
    const auto points = Eigen::Index(height * width);
    Matrix matrix(points, points);
    matrix.setFromTriplets(entries.begin(), entries.end());
    return matrix;
}

/// The strictly lower entries of L by its outer dimension: rows or columns.
template <class Lower>
SparseFactor::Triangle triangle_of(const Lower& lower, const std::vector<int32_t>& order) {
    SparseFactor::Triangle triangle;
    triangle.starts.push_back(0);
    for (Eigen::Index k = 0; k < lower.outerSize(); ++k) {
        for (typename Lower::InnerIterator entry(lower, k); entry; ++entry) {
            if (entry.index() == k) continue;
            triangle.pixels.push_back(order[size_t(entry.index())]);
            triangle.values.push_back(entry.value());
        }
        triangle.starts.push_back(int32_t(triangle.pixels.size()));
    }
    return triangle;
}

} // namespace

SparseFactor sparse_factor(const Stencil& stencil, double c) {
    const Matrix matrix = lower_triangle(stencil, c);
    Eigen::SimplicialLDLT<Matrix, Eigen::Lower, Eigen::AMDOrdering<int32_t>> ldlt(matrix);
    if (ldlt.info() != Eigen::Success)
        throw Error(
            fmt::format("sparse factor of I − {}·L on {}×{} pixels: a pivot is 0, the matrix is singular", c,
                        stencil.rows().diagonal.size(), stencil.columns().diagonal.size()));
    SparseFactor factor;
    const Eigen::VectorXd pivots = ldlt.vectorD();
    if (!(pivots.minCoeff() > 0))
        throw Error(fmt::format("sparse factor of I − {}·L on {}×{} pixels: a pivot is {:.4g}, the matrix is "
                                "not positive definite",
                                c, stencil.rows().diagonal.size(), stencil.columns().diagonal.size(),
                                pivots.minCoeff()));
    factor.diagonal.assign(pivots.begin(), pivots.end());
    const auto& place = ldlt.permutationP().indices(); // pixel to order
    factor.order.resize(size_t(matrix.rows()));
    for (Eigen::Index pixel = 0; pixel < matrix.rows(); ++pixel)
        factor.order[size_t(place.size() ? place[pixel] : pixel)] = int32_t(pixel);
    const Matrix lower = ldlt.matrixL().nestedExpression();
    factor.columns = triangle_of(lower, factor.order);
    factor.rows = triangle_of(Eigen::SparseMatrix<double, Eigen::RowMajor, int32_t>(lower), factor.order);
    return factor;
}

#else

SparseFactor sparse_factor(const Stencil&, double) {
    throw_eigen_missing("sparse");
}

#endif

} // namespace heat::processes
