#include "processes/operators/literal_sampler.h"

#include "kernels/error.h"
#include "processes/operators/dense_solver.h"
#include "processes/operators/eigen_missing.h"

#include <fmt/format.h>

#include <cmath>

#if defined(HEAT_WITH_EIGEN)
#include "processes/operators/literal_matrices.h"
#endif

namespace heat::processes {

#if defined(HEAT_WITH_EIGEN)

using Matrix = Eigen::MatrixXd;
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct LiteralSampler::Matrices {
    Matrix a, inverse;
};

namespace {

Matrix inverse_of(const Matrix& matrix) {
    return matrix.partialPivLu().inverse();
}

Matrix power_of(Matrix matrix, int power) {
    Matrix result = Matrix::Identity(matrix.rows(), matrix.cols());
    for (; power > 0; power /= 2) {
        if (power % 2) result *= matrix;
        if (power > 1) matrix *= matrix;
    }
    return result;
}

} // namespace

LiteralSampler::LiteralSampler(const HeatScheme& scheme, int height, int width, int levels)
    : levels_(levels) {
    const DenseSolver limits(scheme, height, width); // throws for what is too large, or cannot be
    matrices_ = std::make_unique<const Matrices>(
        Matrices{literal_a(scheme, height, width, false), literal_a(scheme, height, width, true)});
}

std::vector<double> LiteralSampler::step(int level, double alpha, double alpha_bar,
                                         const std::vector<double>& u, const std::vector<double>& e,
                                         const std::vector<double>& z, int count) const {
    if (level < 2 || level > levels_)
        throw Error(fmt::format("the paper's step from level {}: expected 2 to {}", level, levels_));
    const Matrix& a = matrices_->a;
    const double before = alpha_bar / alpha; // ᾱ_{n−1}
    const Matrix root = power_of(matrices_->inverse, levels_ - level), next = root * matrices_->inverse;
    const Matrix b = inverse_of(root * root.transpose());        // B_n⁻¹
    const Matrix b_before = inverse_of(next * next.transpose()); // B_{n−1}⁻¹
    const Matrix covariance =
        inverse_of(alpha / (1 - alpha) * (a.transpose() * b * a) + b_before / (1 - before)); // Σ_n
    const Matrix c = covariance * (std::sqrt(alpha) / (1 - alpha) * (a.transpose() * b) +
                                   b_before * matrices_->inverse / ((1 - before) * std::sqrt(alpha)));
    const Matrix d =
        -std::sqrt(1 - alpha_bar) / ((1 - before) * std::sqrt(alpha)) * (covariance * (b_before * next));
    const Eigen::LLT<Matrix> cholesky(covariance);
    if (cholesky.info() != Eigen::Success)
        throw Error(fmt::format(
            "the paper's step from level {}: its covariance is not positive definite in f64", level));
    const auto columns = [&](const std::vector<double>& values) {
        return Eigen::Map<const Rows>(values.data(), a.rows(), count);
    };
    std::vector<double> result(u.size());
    Eigen::Map<Rows>(result.data(), a.rows(), count) =
        c * columns(u) + d * columns(e) + Matrix(cholesky.matrixL()) * columns(z);
    return result;
}

#else

struct LiteralSampler::Matrices {};

LiteralSampler::LiteralSampler(const HeatScheme&, int, int, int levels) : levels_(levels) {
    throw_eigen_missing("dense");
}
std::vector<double> LiteralSampler::step(int, double, double, const std::vector<double>&,
                                         const std::vector<double>&, const std::vector<double>&, int) const {
    return {};
}

#endif

LiteralSampler::~LiteralSampler() = default;

} // namespace heat::processes
