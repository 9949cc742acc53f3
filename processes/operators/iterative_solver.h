#pragma once

#include "processes/operators/stepping_solver.h"

namespace heat::processes {

/// A^n by conjugate gradients, preconditioned with the diagonal, without a matrix; eight columns side by
/// side, each with its own step lengths, until the last has converged.
class IterativeSolver : public SteppingSolver {
public:
    /// Throws Error unless 0 < tolerance < 1 and max_iterations >= 1.
    IterativeSolver(const HeatScheme& scheme, int height, int width, const SolverOptions& options);

    SolverMethod method() const override { return SolverMethod::iterative; }
    int64_t memory_bytes() const override { return 0; }

protected:
    int most_lanes() const override { return 8; }
    size_t scratch_size(int lanes) const override;
    void prepare_system(bool) const override {}
    void solve(bool inverse, const Stencil::RowTables& tables, const double* b, double* x, int used,
               double* scratch, BlockReport& report) const override;
    void check_converged(bool inverse, const BlockReport& report) const override;

private:
    SolverOptions options_;
};

} // namespace heat::processes
