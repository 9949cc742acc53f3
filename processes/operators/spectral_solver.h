#pragma once

#include "processes/operators/modes.h"
#include "processes/operators/operator_solver.h"

namespace heat::processes {

/// A^n by the transform of the boundary: λ^n is exact for any n, at the cost of one pair of transforms.
class SpectralSolver : public OperatorSolver {
public:
    SpectralSolver(const HeatScheme& scheme, int height, int width) : OperatorSolver(scheme, height, width) {}

    SolverMethod method() const override { return SolverMethod::spectral; }
    void prepare(int) const override {}
    int64_t memory_bytes() const override { return int64_t(eigenvalues().size() * sizeof(double)); }

protected:
    void run(const Batch<float>& batch, SolverStatistics& statistics) const override;
    void run(const Batch<double>& batch, SolverStatistics& statistics) const override;
    Tensor run(const Tensor& images, std::span<const int> powers,
               SolverStatistics& statistics) const override;

private:
    /// λ^n, a row for each power that occurs.
    ModeGains gains(std::span<const int> powers) const;
    void count(int64_t images, int channels, double element, SolverStatistics& statistics) const;
};

} // namespace heat::processes
