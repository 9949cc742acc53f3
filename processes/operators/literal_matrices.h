#pragma once

// For the translation units that include Eigen.

#include "processes/heat_scheme.h"

#include <Eigen/Dense>

namespace heat::processes {

/// A = S⁻¹T, or A⁻¹ = T⁻¹S, of S = I − (1−θ)K L and T = I + θK L over all pixels as the paper writes them
/// (HDM, eq. 11), with the boundary's 2 in place and so not symmetric; by an LU factor with pivoting. Throws
/// Error where the matrix is singular.
Eigen::MatrixXd literal_a(const HeatScheme& scheme, int height, int width, bool inverse);

} // namespace heat::processes
