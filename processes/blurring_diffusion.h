#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

struct BlurringSettings {
    int steps = 1000;      ///< N
    double sigma_max = 16; ///< blur width at level N, pixels
    double d_min = 0.001;  ///< what the blur leaves of a mode at least, in (0, 1]
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small;
    LossWeight loss_weight = {};
};

/// Blurring diffusion (Hoogeboom & Salimans 2022; docs/math.md, "Blurring diffusion"): the DCT-II, a = α·d(μ)
/// with a blur d that grows beside the noise, s = σ, α² + σ² = 1; prior N(0, 1), data in −1..1.
class BlurringDiffusion : public DiagonalProcess {
public:
    /// Throws Error unless steps >= 1, sigma_max > 0 and 0 < d_min <= 1.
    BlurringDiffusion(ImageSize size, const BlurringSettings& settings, Device device);

    std::string name() const override { return "blurring"; }
    /// Adds what the blur leaves at the last level.
    std::vector<ReportEntry> report() const override;
    /// blur_sigma in pixels, alpha, sigma, and smallest_gain: d of the largest eigenvalue.
    std::vector<TableColumn> tables() const override;

private:
    BlurringSettings settings_;
};

} // namespace heat::processes
