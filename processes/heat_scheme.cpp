#include "processes/heat_scheme.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

const char* name_of(Boundary boundary) {
    return boundary == Boundary::adiabatic     ? "adiabatic"
           : boundary == Boundary::half_sample ? "half-sample"
                                               : "fixed";
}

Boundary boundary_from_name(const std::string& name) {
    for (const auto value : {Boundary::adiabatic, Boundary::half_sample, Boundary::fixed})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown boundary '{}': expected adiabatic, half-sample or fixed", name));
}

Basis basis_of(Boundary boundary) {
    return boundary == Boundary::adiabatic     ? Basis::dct1
           : boundary == Boundary::half_sample ? Basis::dct2
                                               : Basis::dst1;
}

std::vector<double> heat_eigenvalues(const HeatScheme& scheme, int height, int width) {
    return heat_eigenvalues(scheme, discrete_eigenvalues(basis_of(scheme.boundary), height, width));
}

std::vector<double> heat_eigenvalues(const HeatScheme& scheme, const std::vector<double>& laplacian) {
    if (!(scheme.k >= 0 && scheme.theta >= 0 && scheme.theta <= 1))
        throw Error(
            fmt::format("heat equation with K = {} and theta = {}: expected K of 0 or more, and theta "
                        "from 0 to 1",
                        scheme.k, scheme.theta));
    std::vector<double> values;
    values.reserve(laplacian.size());
    for (const double l : laplacian)
        values.push_back((1 + scheme.theta * scheme.k * l) / (1 - (1 - scheme.theta) * scheme.k * l));
    return values;
}

namespace {

constexpr double lost_gain = 1e-3;

/// Three significant digits, towards 0 or away from it, so that what a message offers does.
double rounded(double value, bool up) {
    const double unit = std::pow(10.0, std::floor(std::log10(value)) - 2);
    return (up ? std::ceil(value / unit) : std::floor(value / unit)) * unit;
}

struct Range {
    double smallest, largest;
};
Range range_of(const HeatScheme& scheme, const std::vector<double>& laplacian) {
    const std::vector<double> values = heat_eigenvalues(scheme, laplacian);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
}

/// The largest K whose A^N has a condition number within the limit, by bisection: it grows with K.
double largest_k(HeatScheme scheme, int steps, double log_limit, const std::vector<double>& laplacian) {
    double low = 0, high = scheme.k;
    for (int i = 0; i < 200; ++i) {
        scheme.k = (low + high) / 2;
        const Range range = range_of(scheme, laplacian);
        const bool fits = range.smallest > 0 && steps * std::log(range.largest / range.smallest) <= log_limit;
        (fits ? low : high) = scheme.k;
    }
    return low;
}

} // namespace

Conditioning condition_heat(const HeatScheme& scheme, int steps, double gain_floor, double condition_limit,
                            const std::vector<double>& laplacian) {
    if (!(gain_floor >= 0 && gain_floor < 1))
        throw Error(
            fmt::format("hdm gain_floor = {}: expected 0 (none) up to but not including 1", gain_floor));
    if (!(condition_limit > 1))
        throw Error(fmt::format("hdm condition_limit = {}: expected above 1", condition_limit));
    const std::vector<double> values = heat_eigenvalues(scheme, laplacian);
    const double floor = gain_floor > 0 ? std::pow(gain_floor, 1.0 / steps) : 0.0;
    const double log_limit = std::log(condition_limit);
    // λ rises with ℓ, so that the ends of one are the ends of the other.
    const auto [steepest, flattest] = std::minmax_element(laplacian.begin(), laplacian.end());
    const std::vector<double> ends{*steepest, *flattest};
    const Range range = range_of(scheme, ends);
    Conditioning result;
    int unfloored_losses = 0;
    for (const double value : values) {
        const bool floored = value < floor;
        result.modes_floored += floored;
        result.log_eigenvalues.push_back(std::log(floored ? floor : value));
        result.modes_lost += steps * result.log_eigenvalues.back() < std::log(lost_gain);
        unfloored_losses += !(value > 0) || steps * std::log(value) < std::log(lost_gain);
    }
    const auto [low, high] =
        std::minmax_element(result.log_eigenvalues.begin(), result.log_eigenvalues.end());
    result.log_condition = steps * (*high - *low);
    if (range.smallest > 0 || floor > 0)
        if (result.log_condition <= log_limit * (1 + 1e-12)) return result;

    const double k = rounded(largest_k(scheme, steps, log_limit, ends), false);
    const double offered_floor =
        range.largest > 0 ? rounded(std::exp(steps * std::log(range.largest) - log_limit), true) : 0;
    std::string remedies = fmt::format("K = {:.3g} (process.heat = {:.3g})", k, k * steps);
    if (range.smallest > 0) {
        const int fewer = int(log_limit / std::log(range.largest / range.smallest));
        if (fewer >= 1) remedies += fmt::format(", or process.steps = {} with this K", fewer);
    }
    if (offered_floor > 0 && offered_floor < 1)
        remedies += fmt::format(", or process.gain_floor = {:.3g}", offered_floor);
    const std::string setting = fmt::format("hdm with K = {:.4g}, theta = {:.3g} and N = {} (heat {:.4g})",
                                            scheme.k, scheme.theta, steps, scheme.k * steps);
    if (!(range.smallest > 0) && floor == 0)
        throw Error(
            fmt::format("{}: the smallest eigenvalue of A is {:.3g}, so that a step cannot be undone. What "
                        "would do: {}",
                        setting, range.smallest, remedies));
    throw Error(fmt::format("{}: A^N has a condition number of 10^{:.1f}, above process.condition_limit = "
                            "{:.3g}: the heat leaves "
                            "less than {} of {} of the {} modes, and sampling would multiply errors by that "
                            "number. What would do: {}",
                            setting, result.log_condition / std::log(10.0), condition_limit, lost_gain,
                            gain_floor > 0 ? result.modes_lost : unfloored_losses, values.size(), remedies));
}

} // namespace heat::processes
