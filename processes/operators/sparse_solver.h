#pragma once

#include "processes/operators/stepping_solver.h"

#include <memory>
#include <mutex>

namespace heat::processes {

struct SparseFactor;

/// A^n by sparse LDLᵀ factors of S and T, each made at the first power of its sign by Eigen and solved with
/// here, sixteen columns side by side.
class SparseSolver : public SteppingSolver {
public:
    /// Throws Error where the build has no Eigen.
    SparseSolver(const HeatScheme& scheme, int height, int width);
    ~SparseSolver() override;

    SolverMethod method() const override { return SolverMethod::sparse; }
    int64_t memory_bytes() const override;

protected:
    int most_lanes() const override { return 16; }
    size_t scratch_size(int) const override { return 0; }
    void prepare_system(bool inverse) const override;
    void solve(bool inverse, const Stencil::RowTables& tables, const double* b, double* x, int used, double*,
               BlockReport& report) const override;
    void check_converged(bool, const BlockReport&) const override {}

private:
    mutable std::mutex mutex_;
    mutable std::unique_ptr<const SparseFactor> factors_[2]; ///< of S and T
};

} // namespace heat::processes
