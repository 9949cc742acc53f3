#pragma once

#include "processes/heat_scheme.h"

#include <vector>

namespace heat::processes {

/// The two readings of the heat equation's Laplacian on pixels: the 5-point differences, or the derivatives
/// of continuous space, whose eigenvalues −π²(i²/H² + j²/W²) IHDM takes (eq. 21; half-sample boundary alone).
enum class HeatReading { discrete, continuous };

/// "discrete", "continuous"; reading an unknown one throws Error with the list.
const char* name_of(HeatReading reading);
HeatReading heat_reading_from_name(const std::string& name);

/// The exact heat semigroup e^{tL} on H×W pixels: its gain on each mode of basis_of(boundary), row-major.
/// Throws Error unless t >= 0 is finite, and for the continuous reading with another boundary than
/// half-sample.
std::vector<double> heat_gains(Boundary boundary, HeatReading reading, double t, int height, int width);

/// A Gaussian blur of `sigma` pixels as IHDM has it: heat_gains(half_sample, continuous, σ²/2). Throws Error
/// unless σ >= 0 is finite.
std::vector<double> blur_gains(double sigma, int height, int width);

} // namespace heat::processes
