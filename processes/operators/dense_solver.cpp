#include "processes/operators/dense_solver.h"

#include "kernels/error.h"
#include "processes/operators/eigen_missing.h"

#include <fmt/format.h>

#include <cstdlib>

#if defined(HEAT_WITH_EIGEN)
#include "processes/operators/literal_matrices.h"
#endif

namespace heat::processes {

#if defined(HEAT_WITH_EIGEN)

using Matrix = Eigen::MatrixXd;

/// A^(2^j) and A^(−2^j), j = 0, 1, …, as far as they were asked for.
struct DensePowers {
    std::vector<Matrix> positive, negative;
};

DenseSolver::DenseSolver(const HeatScheme& scheme, int height, int width)
    : OperatorSolver(scheme, height, width), powers_(std::make_unique<DensePowers>()) {
    if (points() > most_points)
        throw Error(
            fmt::format("the dense solver on {}×{} pixels: a matrix would take {:.1f} GiB; it takes images "
                        "of up to {} pixels: choose sparse, iterative or spectral",
                        height, width, double(points()) * double(points()) * 8 / (1 << 30), most_points));
}

void DenseSolver::prepare(int power) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Matrix>& squares = power < 0 ? powers_->negative : powers_->positive;
    for (int64_t rest = std::abs(int64_t(power)), j = 0; rest > 0; rest /= 2, ++j) {
        if (j < int64_t(squares.size())) continue;
        squares.push_back(j > 0 ? squares.back() * squares.back()
                                : literal_a(scheme(), height(), width(), power < 0));
    }
}

int64_t DenseSolver::memory_bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return int64_t(powers_->positive.size() + powers_->negative.size()) * points() * points() *
           int64_t(sizeof(double));
}

template <class T>
void DenseSolver::run_batch(const Batch<T>& batch, SolverStatistics& statistics) const {
    const std::vector<Column> columns = columns_of(batch.count, points(), batch.channels, batch.powers);
    if (columns.empty()) return;
    prepare(columns.front().power);
    prepare(columns.back().power);
    const TypedColumnImages<T> images(batch.x, batch.y, points(), batch.channels);
    const auto count = int(columns.size());
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Rows values(points(), count);
    images.gather(columns, nullptr, values.data(), count);

    const std::lock_guard<std::mutex> lock(mutex_);
    for (const bool negative : {false, true}) {
        const std::vector<Matrix>& squares = negative ? powers_->negative : powers_->positive;
        for (size_t j = 0; j < squares.size(); ++j) {
            std::vector<int> chosen;
            for (int r = 0; r < count; ++r) {
                const int power = columns[size_t(r)].power;
                if ((power < 0) == negative && (std::abs(int64_t(power)) >> j & 1)) chosen.push_back(r);
            }
            if (chosen.empty()) continue;
            Rows part(points(), Eigen::Index(chosen.size()));
            for (size_t i = 0; i < chosen.size(); ++i) part.col(Eigen::Index(i)) = values.col(chosen[i]);
            const Rows product = squares[j] * part;
            for (size_t i = 0; i < chosen.size(); ++i) values.col(chosen[i]) = product.col(Eigen::Index(i));
            const auto n = double(points());
            statistics.flops += 2 * n * n * double(chosen.size());
            statistics.bytes += sizeof(double) * (n * n + 2 * n * double(chosen.size()));
        }
    }
    for (int r = 0; r < count; ++r) {
        images.scatter(columns[size_t(r)], values.data(), r, count, nullptr);
        statistics.solves += std::abs(int64_t(columns[size_t(r)].power));
    }
}

#else

struct DensePowers {};

DenseSolver::DenseSolver(const HeatScheme& scheme, int height, int width)
    : OperatorSolver(scheme, height, width) {
    throw_eigen_missing("dense");
}
void DenseSolver::prepare(int) const {}
int64_t DenseSolver::memory_bytes() const {
    return 0;
}
template <class T>
void DenseSolver::run_batch(const Batch<T>&, SolverStatistics&) const {}

#endif

DenseSolver::~DenseSolver() = default;

void DenseSolver::run(const Batch<float>& batch, SolverStatistics& statistics) const {
    run_batch(batch, statistics);
}
void DenseSolver::run(const Batch<double>& batch, SolverStatistics& statistics) const {
    run_batch(batch, statistics);
}

} // namespace heat::processes
