#pragma once

#include "processes/step.h"

#include <string>
#include <vector>

namespace heat::processes {

/// How much the squared error of each level counts in training (docs/math.md §7). With SNR = a²/s² and ε
/// predicted; other predictions' errors are multiples of that of ε, and weights are converted accordingly:
///   uniform   1, whatever is predicted
///   min_snr   min(SNR, γ)/SNR                  (Hang et al. 2023)
///   p2        1/(k + SNR)^γ                    (Choi et al. 2022)
///   vlb       β_t²/(2σ_t²α_t(1−ᾱ_t)): the term of the variational bound, in nats for each dimension
enum class LossWeightKind { uniform, min_snr, p2, vlb };

/// "uniform", "min-snr", "p2", "vlb"; reading an unknown one throws Error with the list.
const char* name_of(LossWeightKind kind);
LossWeightKind loss_weight_from_name(const std::string& name);

struct LossWeight {
    LossWeightKind kind = LossWeightKind::uniform;
    double gamma = 5; ///< of min_snr and p2, where 1 is usual; above 0
    double k = 1;     ///< of p2; above 0
};

/// Weights of levels 0..N (of level 0, which nothing is taken to: 0). Where eigenvalues differ, SNR is the
/// highest of them: that of the mean brightness, which is the noise's own. `variance` is that of vlb's σ_t²,
/// in whose place the posterior of level 2 stands for that of level 1, which is 0. Throws Error for vlb where
/// eigenvalues differ, since its weight does too, or the variance is learned, and where a weight is not
/// finite.
std::vector<double> loss_weights(const DiagonalTables& tables, Prediction prediction, Variance variance,
                                 const LossWeight& weight);

/// β̃_t of the step to the level below, t = 1..N, with that of level 2 at level 1 (Nichol & Dhariwal 2021),
/// where the posterior is a point. Throws Error where there is one level alone.
double clipped_posterior_variance(const DiagonalTables& tables, int t, int p);

} // namespace heat::processes
