#pragma once

#include "processes/heat_scheme.h"

#include <vector>

namespace heat::processes {

/// The second difference along an axis of n pixels with a boundary, a tridiagonal matrix, as the paper writes
/// it: row i has lower[i − 1], diagonal[i], upper[i]. The adiabatic boundary's edge rows carry a 2; an axis
/// of one pixel between adiabatic or half-sample boundaries is 0. The 2-D Laplacian is the sum over both
/// axes.
struct AxisDifference {
    std::vector<double> diagonal;     ///< n
    std::vector<double> lower, upper; ///< n − 1
};
/// Throws Error for n below 1.
AxisDifference axis_difference(Boundary boundary, int n);

/// W, row-major over H×W pixels: the trapezoid rule's (½, 1, …, 1, ½ along each axis longer than 1) for the
/// adiabatic boundary, ones for the others.
std::vector<double> pixel_weights(Boundary boundary, int height, int width);

} // namespace heat::processes
