#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// A process between its whole levels, for levels of 1..N (docs/math.md, "Between levels"): by its own
/// formulas (DiagonalModel::continuous), else log a and log s/a as cubics through the tables, the latter
/// never falling, so that the signal-to-noise ratio never rises. Looks at the process, which must outlive it.
class ContinuousTables {
public:
    /// Throws Error for a process of fewer than 3 levels, or behind a StateView, naming what would do.
    explicit ContinuousTables(const DiagonalProcess& process);

    ContinuousLevel at(double level, int p) const;
    /// What the network's input is of the state, and the timestep it sees.
    double input_gain(double level, int p) const;
    double timestep(double level) const;

private:
    const DiagonalProcess& process_;
};

/// ε̂ = state·u_t + output·o of the network's output o.
struct NoiseEstimate {
    double state = 0, output = 0;
};
NoiseEstimate noise_estimate(const ContinuousLevel& level, Prediction prediction);

/// The variance-preserving process of log ᾱ_0..log ᾱ_N: log a = ½ log ᾱ as a cubic through them, s² = 1 − a².
ContinuousLevels variance_preserving_levels(const std::vector<double>& log_alpha_bars);

} // namespace heat::processes
