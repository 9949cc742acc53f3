#include "processes/step.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

const char* name_of(Prediction prediction) {
    return prediction == Prediction::epsilon ? "epsilon" : prediction == Prediction::x0 ? "x0" : "v";
}
const char* name_of(Variance variance) {
    return variance == Variance::small ? "small" : "large";
}
const char* name_of(DiagonalSolver solver) {
    return solver == DiagonalSolver::ancestral ? "ancestral" : "ddim";
}

Prediction prediction_from_name(const std::string& name) {
    for (const auto value : {Prediction::epsilon, Prediction::x0, Prediction::v})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown prediction '{}': expected epsilon, x0 or v", name));
}

Variance variance_from_name(const std::string& name) {
    for (const auto value : {Variance::small, Variance::large})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown variance '{}': expected small or large", name));
}

DiagonalSolver diagonal_solver_from_name(const std::string& name) {
    for (const auto value : {DiagonalSolver::ancestral, DiagonalSolver::ddim})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown solver '{}': expected ancestral or ddim", name));
}

namespace {
/// For v the pair (u_0, ε) is the pair (u_t/√(a² + s²), v) turned by the angle whose tangent is s/a.
CleanCoefficients rotated(double state, double output, double norm) {
    return {state / (norm * norm), output / norm};
}
} // namespace

CleanCoefficients clean_coefficients(const DiagonalTables& tables, Prediction prediction, int t, int p) {
    switch (prediction) {
    case Prediction::epsilon:
        return {std::exp(-tables.log_a(t, p)), -std::exp(tables.log_s(t, p) - tables.log_a(t, p))};
    case Prediction::x0:
        return {0.0, 1.0};
    case Prediction::v:
        return rotated(tables.a(t, p), -tables.s(t, p), tables.norm(t, p));
    }
    throw Error("clean_coefficients: no such prediction");
}

namespace {

/// ε̂ = state·u_t + output·o.
CleanCoefficients noise_estimate(const DiagonalTables& tables, Prediction prediction, int t, int p) {
    switch (prediction) {
    case Prediction::epsilon:
        return {0.0, 1.0};
    case Prediction::x0:
        return {std::exp(-tables.log_s(t, p)), -std::exp(tables.log_a(t, p) - tables.log_s(t, p))};
    case Prediction::v:
        return rotated(tables.s(t, p), tables.a(t, p), tables.norm(t, p));
    }
    throw Error("noise_estimate: no such prediction");
}

/// a_s û_0 = state·u_t + output·o, with a_s/a_t formed in logarithms.
CleanCoefficients scaled_clean(const DiagonalTables& tables, Prediction prediction, int s, int t, int p) {
    if (prediction == Prediction::epsilon) {
        const double ratio = std::exp(tables.log_a(s, p) - tables.log_a(t, p));
        return {ratio, -ratio * tables.s(t, p)};
    }
    const CleanCoefficients clean = clean_coefficients(tables, prediction, t, p);
    return {tables.a(s, p) * clean.state, tables.a(s, p) * clean.output};
}

} // namespace

StepCoefficients step_coefficients(const DiagonalTables& tables, const StepSettings& settings, int s, int t,
                                   int p) {
    const double fresh = -std::expm1(tables.log_snr(t, p) - tables.log_snr(s, p)); // s²_{t|s} / s_t²
    const double s_s = tables.s(s, p);
    const CleanCoefficients clean = scaled_clean(tables, settings.prediction, s, t, p);
    StepCoefficients step;
    if (settings.solver == DiagonalSolver::ancestral) {
        const Posterior mean = posterior(tables, s, t, p);
        step.state = mean.state;
        if (settings.clip) {
            step.clean = mean.clean;
        } else {
            // For ε the sum is a_s/a_t exactly: no cancellation to go through.
            step.state =
                settings.prediction == Prediction::epsilon ? clean.state : mean.state + fresh * clean.state;
            step.output = fresh * clean.output;
        }
        const double variance =
            settings.variance == Variance::small ? mean.variance : transition(tables, s, t, p).variance;
        step.noise = std::sqrt(variance);
    } else {
        const CleanCoefficients noise = noise_estimate(tables, settings.prediction, t, p);
        const double direction = s_s * std::sqrt(std::max(0.0, 1.0 - settings.eta * settings.eta * fresh));
        step.state = direction * noise.state;
        step.output = direction * noise.output;
        if (settings.clip) {
            step.clean = tables.a(s, p);
        } else {
            step.state += clean.state;
            step.output += clean.output;
        }
        step.noise = settings.eta * s_s * std::sqrt(fresh);
    }
    if (s == 0) step.noise = 0.0;
    return step;
}

} // namespace heat::processes
