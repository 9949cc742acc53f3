#include "processes/step.h"

#include "kernels/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace heat::processes {

const char* name_of(Prediction prediction) {
    return prediction == Prediction::epsilon ? "epsilon" : prediction == Prediction::x0 ? "x0" : "v";
}
const char* name_of(Variance variance) {
    return variance == Variance::small ? "small" : variance == Variance::large ? "large" : "learned";
}

namespace {
constexpr const char* solver_names[] = {"ancestral",        "ddim",  "dpm-solver", "dpm-solver++",
                                        "sde-dpm-solver++", "unipc", "euler",      "heun"};
} // namespace

const char* name_of(DiagonalSolver solver) {
    return solver_names[int(solver)];
}
std::vector<std::string> diagonal_solver_names() {
    return {std::begin(solver_names), std::end(solver_names)};
}

Prediction prediction_from_name(const std::string& name) {
    for (const auto value : {Prediction::epsilon, Prediction::x0, Prediction::v})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown prediction '{}': expected epsilon, x0 or v", name));
}

Variance variance_from_name(const std::string& name) {
    for (const auto value : {Variance::small, Variance::large, Variance::learned})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown variance '{}': expected small, large or learned", name));
}

DiagonalSolver diagonal_solver_from_name(const std::string& name) {
    const std::vector<std::string> names = diagonal_solver_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw Error(fmt::format("unknown solver '{}': expected one of {}", name, fmt::join(names, ", ")));
    return DiagonalSolver(found - names.begin());
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

CleanCoefficients noise_coefficients(const DiagonalTables& tables, Prediction prediction, int t, int p) {
    switch (prediction) {
    case Prediction::epsilon:
        return {0.0, 1.0};
    case Prediction::x0:
        return {std::exp(-tables.log_s(t, p)), -std::exp(tables.log_a(t, p) - tables.log_s(t, p))};
    case Prediction::v:
        return rotated(tables.s(t, p), tables.a(t, p), tables.norm(t, p));
    }
    throw Error("noise_coefficients: no such prediction");
}

CleanCoefficients scaled_clean_coefficients(const DiagonalTables& tables, Prediction prediction, int s, int t,
                                            int p) {
    if (prediction == Prediction::epsilon) {
        const double ratio = std::exp(tables.log_a(s, p) - tables.log_a(t, p));
        return {ratio, -ratio * tables.s(t, p)};
    }
    const CleanCoefficients clean = clean_coefficients(tables, prediction, t, p);
    return {tables.a(s, p) * clean.state, tables.a(s, p) * clean.output};
}

StepCoefficients step_coefficients(const DiagonalTables& tables, const StepSettings& settings, int s, int t,
                                   int p) {
    const double fresh = -std::expm1(tables.log_snr(t, p) - tables.log_snr(s, p)); // s²_{t|s} / s_t²
    const double s_s = tables.s(s, p);
    const CleanCoefficients clean = scaled_clean_coefficients(tables, settings.prediction, s, t, p);
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
        step.noise = settings.variance == Variance::small   ? std::sqrt(mean.variance)
                     : settings.variance == Variance::large ? std::sqrt(transition(tables, s, t, p).variance)
                                                            : 1.0;
    } else {
        const double direction = s_s * std::sqrt(std::max(0.0, 1.0 - settings.eta * settings.eta * fresh));
        if (settings.clip && settings.clipped_noise) { // ε̂ = (u_t − a_t û_0)/s_t
            step.state = direction / tables.s(t, p);
            step.clean = tables.a(s, p) - step.state * tables.a(t, p);
        } else {
            const CleanCoefficients noise = noise_coefficients(tables, settings.prediction, t, p);
            step.state = direction * noise.state;
            step.output = direction * noise.output;
            if (settings.clip) {
                step.clean = tables.a(s, p);
            } else {
                step.state += clean.state;
                step.output += clean.output;
            }
        }
        step.noise = settings.eta * s_s * std::sqrt(fresh);
    }
    if (s == 0) step.noise = 0.0;
    return step;
}

} // namespace heat::processes
