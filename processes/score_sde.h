#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// σ_1..σ_N of equal ratios from `least` to `most`; element 0 is 0. Throws Error unless levels >= 2 and
/// 0 < least < most.
std::vector<double> geometric_noise(int levels, double least, double most);

struct VarianceExplodingSettings {
    int steps = 1000;        ///< N
    double noise_min = 0.01; ///< σ_1
    double noise_max = 50;   ///< σ_N, the prior's
    bool normalised = true;  ///< the network sees the state over √(1 + σ²), not the state itself
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small;
};

/// The variance-exploding SDE (Song et al. 2021; docs/math.md, "Score SDEs and EDM"): pixels, a = 1, s = σ of
/// equal ratios, prior N(0, σ_N²), data in 0..1. The network sees n − 1, which grows with log σ.
class VarianceExploding : public DiagonalProcess {
public:
    VarianceExploding(ImageSize size, const VarianceExplodingSettings& settings, Device device);

    std::string name() const override { return "ve"; }
    /// sigma and snr.
    std::vector<TableColumn> tables() const override;
};

struct SubVariancePreservingSettings {
    int steps = 1000;                          ///< N
    double beta_start = 1e-4, beta_end = 0.02; ///< of the schedule "vp" (processes/schedule.h)
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small;
};

/// The sub-variance-preserving SDE: pixels, a = exp(−½∫β), s = 1 − a², prior N(0, 1), data in −1..1. Level n
/// is the time n/N; the network sees n − 1.
class SubVariancePreserving : public DiagonalProcess {
public:
    SubVariancePreserving(ImageSize size, const SubVariancePreservingSettings& settings, Device device);

    std::string name() const override { return "sub-vp"; }
    bool starts_from_white_noise() const override { return true; }
    /// alpha (a), sigma (s) and snr.
    std::vector<TableColumn> tables() const override;
};

/// A column of the tables of a process of width 1.
TableColumn snr_column(const DiagonalTables& tables);

} // namespace heat::processes
