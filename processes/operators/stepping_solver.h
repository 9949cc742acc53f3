#pragma once

#include "processes/operators/columns.h"
#include "processes/operators/operator_solver.h"
#include "processes/operators/stencil.h"

namespace heat::processes {

/// A solver that goes power by power: A = S⁻¹T and A⁻¹ = T⁻¹S, each a stencil and a linear system, on blocks
/// of columns in the symmetric form W^½ A W^{−½}. The threads share the blocks out.
class SteppingSolver : public OperatorSolver {
public:
    void prepare(int power) const override;

protected:
    SteppingSolver(const HeatScheme& scheme, int height, int width);

    /// What the solves of a block took; sums over its columns.
    struct BlockReport {
        int64_t solves = 0, iterations = 0;
        int most_iterations = 0;
        double worst_residual = 0;
        double flops = 0, bytes = 0;
        bool converged = true;
    };

    const Stencil& stencil() const { return stencil_; }
    /// The system of positive powers is S = I − cL with c = (1−θ)K, that of negative ones T: c = −θK.
    double coefficient(bool inverse) const;

    /// The most columns that solve() takes at once: 1, 2, 4, 8 or 16.
    virtual int most_lanes() const = 0;
    /// Doubles of scratch that solve() wants for a block of `lanes` columns.
    virtual size_t scratch_size(int lanes) const = 0;
    /// Makes what solve() needs for S or T (inverse); throws Error where it is not definite.
    virtual void prepare_system(bool inverse) const = 0;
    /// x ← M⁻¹b, M = S or T, for a block of as many lanes as `tables` are for, of which the first `used`
    /// count; x comes with a first guess. Stencil::margin zeros lie before and after each block. Called by
    /// several threads; throws nothing.
    virtual void solve(bool inverse, const Stencil::RowTables& tables, const double* b, double* x, int used,
                       double* scratch, BlockReport& report) const = 0;
    /// Throws the Error of a solve that did not converge.
    virtual void check_converged(bool inverse, const BlockReport& report) const = 0;

    void run(const Batch<float>& batch, SolverStatistics& statistics) const override;
    void run(const Batch<double>& batch, SolverStatistics& statistics) const override;
    using OperatorSolver::run;

private:
    template <class T>
    void run_batch(const Batch<T>& batch, SolverStatistics& statistics) const;
    void run_columns(std::span<const Column> columns, const ColumnImages& images, bool inverse,
                     SolverStatistics& statistics) const;
    void run_block(std::span<const Column> columns, const ColumnImages& images, bool inverse,
                   const Stencil::RowTables& tables, double* memory, BlockReport& report) const;
    size_t padded_block(int lanes) const;

    Stencil stencil_;
    std::vector<double> roots_; ///< W^½; empty for ones
};

} // namespace heat::processes
