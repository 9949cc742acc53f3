#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

struct EdmSettings {
    int steps = 1000;                                ///< N
    double noise_min = 0.002;                        ///< σ_1
    double noise_max = 80;                           ///< σ_N, the prior's
    double sigma_data = 0.5;                         ///< deviation of the data in −1..1
    double rho = 7;                                  ///< σ^{1/ρ} are evenly spaced
    double noise_mean = -1.2, noise_deviation = 1.2; ///< of log σ in training
};

/// EDM (Karras et al. 2022; docs/math.md, "Score SDEs and EDM"): a = 1, s = σ, by what its preconditioning is
/// in units of σ_data: data in −1/σ_data..1/σ_data, s = σ/σ_data, the state over its norm for an input, and
/// the prediction v, which is −F. The loss on F with weight 1 is the paper's.
class Edm : public DiagonalProcess {
public:
    /// Throws Error unless steps >= 2, 0 < noise_min < noise_max and sigma_data, rho and noise_deviation are
    /// above 0.
    Edm(ImageSize size, const EdmSettings& settings, Device device);

    std::string name() const override { return "edm"; }
    /// Of the paper, for images in −1..1: sigma, c_skip, c_out, c_in, c_noise (NaN at level 0), timestep as
    /// the network sees it, and training_share, the probability of a level in training.
    std::vector<TableColumn> tables() const override;

private:
    EdmSettings settings_;
};

} // namespace heat::processes
