#pragma once

#include "processes/tables.h"

#include <string>

namespace heat::processes {

/// What the network of a diagonal process predicts: the noise ε, the image u_0, or
/// v = (a_t ε − s_t u_0)/√(a_t² + s_t²).
enum class Prediction { epsilon, x0, v };
/// The variance of an ancestral step from t to s: the posterior's v = s_s² s²_{t|s}/s_t² (small), or s²_{t|s}
/// (large).
enum class Variance { small, large };
/// Solvers of Markov diagonal processes.
enum class DiagonalSolver { ancestral, ddim };

/// Names as in configurations and on the command line: "epsilon", "x0", "v"; "small", "large"; "ancestral",
/// "ddim". Reading an unknown one throws Error with the list.
const char* name_of(Prediction prediction);
const char* name_of(Variance variance);
const char* name_of(DiagonalSolver solver);
Prediction prediction_from_name(const std::string& name);
Variance variance_from_name(const std::string& name);
DiagonalSolver diagonal_solver_from_name(const std::string& name);

struct StepSettings {
    DiagonalSolver solver = DiagonalSolver::ancestral;
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small; ///< of ancestral
    double eta = 0;                      ///< of ddim: 0 deterministic, 1 the posterior's variance
    bool clip = false;                   ///< û_0 is limited to the data range, so it takes part on its own
};

/// One reverse step of one eigenvalue: u_s = state·u_t + output·o + clean·û_0 + noise·z, with o the network's
/// output and z white noise. Without clipping û_0 is folded into state and output, by formulas that never
/// divide by a_t alone.
struct StepCoefficients {
    double state = 0, output = 0, clean = 0, noise = 0;
};

/// Coefficients of the step t → s < t (docs/math.md §6). No noise enters at s = 0.
StepCoefficients step_coefficients(const DiagonalTables& tables, const StepSettings& settings, int s, int t,
                                   int p);

/// û_0 = state·u_t + output·o. Infinite where a_t underflows and the prediction is ε.
struct CleanCoefficients {
    double state = 0, output = 0;
};
CleanCoefficients clean_coefficients(const DiagonalTables& tables, Prediction prediction, int t, int p);

} // namespace heat::processes
