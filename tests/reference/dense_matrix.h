#pragma once

#include <cstddef>
#include <vector>

namespace heat::reference {

/// A square matrix in double precision, row-major, by plain loops: the oracle of small linear algebra.
struct DenseMatrix {
    int size = 0;
    std::vector<double> values;

    explicit DenseMatrix(int n) : size(n), values(std::size_t(n) * std::size_t(n), 0.0) {}
    double& at(int i, int j) { return values[std::size_t(i) * std::size_t(size) + std::size_t(j)]; }
    double at(int i, int j) const { return values[std::size_t(i) * std::size_t(size) + std::size_t(j)]; }

    static DenseMatrix identity(int n);
    static DenseMatrix diagonal(const std::vector<double>& entries);
    DenseMatrix transposed() const;
    DenseMatrix scaled(double factor) const;
};

DenseMatrix operator+(const DenseMatrix& a, const DenseMatrix& b);
DenseMatrix operator*(const DenseMatrix& a, const DenseMatrix& b);
std::vector<double> operator*(const DenseMatrix& a, const std::vector<double>& x);
/// By Gauss–Jordan elimination with row pivoting; throws std::runtime_error for a singular one.
DenseMatrix inverse(const DenseMatrix& a);
/// a^n; n below 0: powers of the inverse.
DenseMatrix power(const DenseMatrix& a, int n);
/// The lower L with L Lᵀ = a; throws std::runtime_error unless a is positive definite.
DenseMatrix cholesky(const DenseMatrix& a);
/// The largest |a − b| over the largest |b|.
double relative_difference(const DenseMatrix& a, const DenseMatrix& b);

/// What u is beyond the border of an axis, as in the papers' boundary conditions.
enum class Ghost {
    mirrored_at_pixel, ///< u_{−1} = u_1 (adiabatic)
    mirrored_at_edge,  ///< u_{−1} = u_0 (half-sample)
    zero               ///< fixed
};
/// The 5-point Laplacian of H×W pixels, row-major, by its stencil.
DenseMatrix laplacian(Ghost ghost, int height, int width);

} // namespace heat::reference
