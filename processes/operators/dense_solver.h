#pragma once

#include "processes/operators/columns.h"
#include "processes/operators/operator_solver.h"

#include <memory>
#include <mutex>

namespace heat::processes {

struct DensePowers;

/// A^n by the paper's dense matrices: S and T over all pixels with the paper's boundary rows, A = S⁻¹T and
/// A⁻¹ = T⁻¹S by LU factors with pivoting, their powers of two by squaring, each kept; a power is as many
/// products as it has bits. The oracle of the other solvers, for small images.
class DenseSolver : public OperatorSolver {
public:
    static constexpr int64_t most_points = 4096;

    /// Throws Error beyond most_points pixels, and where the build has no Eigen.
    DenseSolver(const HeatScheme& scheme, int height, int width);
    ~DenseSolver() override;

    SolverMethod method() const override { return SolverMethod::dense; }
    void prepare(int power) const override;
    int64_t memory_bytes() const override;

protected:
    void run(const Batch<float>& batch, SolverStatistics& statistics) const override;
    void run(const Batch<double>& batch, SolverStatistics& statistics) const override;
    using OperatorSolver::run;

private:
    template <class T>
    void run_batch(const Batch<T>& batch, SolverStatistics& statistics) const;

    mutable std::mutex mutex_;
    std::unique_ptr<DensePowers> powers_;
};

} // namespace heat::processes
