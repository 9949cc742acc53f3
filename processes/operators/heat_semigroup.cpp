#include "processes/operators/heat_semigroup.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

const char* name_of(HeatReading reading) {
    return reading == HeatReading::discrete ? "discrete" : "continuous";
}

HeatReading heat_reading_from_name(const std::string& name) {
    for (const auto value : {HeatReading::discrete, HeatReading::continuous})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown reading '{}': expected discrete or continuous", name));
}

std::vector<double> heat_gains(Boundary boundary, HeatReading reading, double t, int height, int width) {
    if (!(t >= 0 && std::isfinite(t)))
        throw Error(fmt::format("heat of time t = {}: expected a finite number, 0 or more", t));
    if (reading == HeatReading::continuous && boundary != Boundary::half_sample)
        throw Error(fmt::format(
            "heat in continuous space with the {} boundary: expected half-sample, which IHDM's DCT-II has",
            name_of(boundary)));
    std::vector<double> gains;
    if (reading == HeatReading::continuous) {
        gains = eigenvalues(basis_of(boundary), height, width);
        for (double& value : gains) value = std::exp(-value * t);
    } else {
        gains = discrete_eigenvalues(basis_of(boundary), height, width);
        for (double& value : gains) value = std::exp(value * t);
    }
    return gains;
}

std::vector<double> blur_gains(double sigma, int height, int width) {
    if (!(sigma >= 0 && std::isfinite(sigma)))
        throw Error(fmt::format("blur of sigma = {} pixels: expected a finite number, 0 or more", sigma));
    return heat_gains(Boundary::half_sample, HeatReading::continuous, sigma * sigma / 2, height, width);
}

} // namespace heat::processes
