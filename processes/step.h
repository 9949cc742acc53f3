#pragma once

#include "processes/tables.h"

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace heat::processes {

/// What the network of a diagonal process predicts: the noise ε, the image u_0, or
/// v = (a_t ε − s_t u_0)/√(a_t² + s_t²).
enum class Prediction { epsilon, x0, v };
/// The variance of an ancestral step from t to s: the posterior's v = s_s² s²_{t|s}/s_t² (small), s²_{t|s}
/// (large), or, of each pixel, what the network says lies between them on a logarithmic scale (learned;
/// kernels/learned_variance.h): then its output has 2C channels.
enum class Variance { small, large, learned };
/// Solvers of Markov diagonal processes (docs/samplers.md).
enum class DiagonalSolver {
    ancestral,
    ddim,
    dpm_solver,
    dpm_solver_pp,
    sde_dpm_solver_pp,
    unipc,
    euler,
    heun
};

/// Names as in configurations and on the command line: "epsilon", "x0", "v"; "small", "large", "learned";
/// "ancestral", "ddim", "dpm-solver", "dpm-solver++", "sde-dpm-solver++", "unipc", "euler", "heun". Reading
/// an unknown one throws Error with the list.
const char* name_of(Prediction prediction);
const char* name_of(Variance variance);
const char* name_of(DiagonalSolver solver);
Prediction prediction_from_name(const std::string& name);
Variance variance_from_name(const std::string& name);
DiagonalSolver diagonal_solver_from_name(const std::string& name);
std::vector<std::string> diagonal_solver_names();

struct StepSettings {
    DiagonalSolver solver = DiagonalSolver::ancestral;
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small; ///< of ancestral
    double eta = 0;                      ///< of ddim: 0 deterministic, 1 the posterior's variance
    bool clip = false;                   ///< û_0 is limited to the data range, so it takes part on its own
    std::optional<double> threshold =
        {}; ///< with clip: limited by a dynamic threshold, of this share of pixels
    double threshold_limit = std::numeric_limits<double>::infinity(); ///< the largest such threshold
    bool clipped_noise = false; ///< of ddim with clip: ε̂ is formed anew from the limited û_0
    // Of the solvers after ddim:
    int order = 1;
    bool singlestep = false;
    bool second_type = false; ///< heun in place of midpoint, bh1 in place of bh2
    bool lower_order_final = true;
    bool ends_at_data = true; ///< or at level 1
};

/// One reverse step of one eigenvalue: u_s = state·u_t + output·o + clean·û_0 + noise·z, with o the network's
/// output and z white noise. Without clipping û_0 is folded into state and output, by formulas that never
/// divide by a_t alone.
struct StepCoefficients {
    double state = 0, output = 0, clean = 0, noise = 0;
};

/// Coefficients of the step t → s < t of ancestral or ddim (docs/math.md §6). No noise enters at s = 0; that
/// of a learned variance is 1.
StepCoefficients step_coefficients(const DiagonalTables& tables, const StepSettings& settings, int s, int t,
                                   int p);

/// û_0 = state·u_t + output·o. Infinite where a_t underflows and the prediction is ε.
struct CleanCoefficients {
    double state = 0, output = 0;
};
CleanCoefficients clean_coefficients(const DiagonalTables& tables, Prediction prediction, int t, int p);
/// ε̂ = state·u_t + output·o.
CleanCoefficients noise_coefficients(const DiagonalTables& tables, Prediction prediction, int t, int p);
/// a_s û_0 = state·u_t + output·o, with a_s/a_t formed in logarithms.
CleanCoefficients scaled_clean_coefficients(const DiagonalTables& tables, Prediction prediction, int s, int t,
                                            int p);

} // namespace heat::processes
