#pragma once

#include "processes/basis.h"

#include <string>

namespace heat::processes {

/// What the heat equation meets at the image's border (docs/math.md, "HDM"): no flux, with the border in the
/// outermost pixels' centres (adiabatic, ghost u_{−1} = u_1) or at their edge (half-sample, u_{−1} = u_0); or
/// zero outside (fixed).
enum class Boundary { adiabatic, half_sample, fixed };

/// "adiabatic", "half-sample", "fixed"; reading an unknown one throws Error with the list.
const char* name_of(Boundary boundary);
Boundary boundary_from_name(const std::string& name);
/// The basis in which the 5-point Laplacian with this boundary is diagonal: DCT-I, DCT-II, DST-I.
Basis basis_of(Boundary boundary);

/// One step of the discrete heat equation: S u_{n+1} = T u_n, S = I − (1−θ)K L, T = I + θK L, A = S⁻¹T, with
/// L the 5-point Laplacian. θ = 1 is explicit, 0 implicit, ½ Crank–Nicolson.
struct HeatScheme {
    double k = 0;       ///< K = κτ/Δ², the heat of a step
    double theta = 0.5; ///< 0..1
    Boundary boundary = Boundary::adiabatic;
};

/// λ = (1 + θKℓ)/(1 − (1−θ)Kℓ), the eigenvalues of A on H×W pixels, row-major; negative where K is too large.
/// Throws Error for K below 0 or θ outside 0..1.
std::vector<double> heat_eigenvalues(const HeatScheme& scheme, int height, int width);
/// The same for the eigenvalues ℓ of any operator in the Laplacian's place.
std::vector<double> heat_eigenvalues(const HeatScheme& scheme, const std::vector<double>& laplacian);

/// Eigenvalues of A floored at g^{1/N}, and what A^N, N = steps, does to the modes.
struct Conditioning {
    std::vector<double> log_eigenvalues;
    double log_condition = 0; ///< log of the largest over the smallest eigenvalue of A^N
    int modes_lost = 0;       ///< gain λ^N below 1e-3
    int modes_floored = 0;
};

/// `laplacian`: its eigenvalues ℓ. Throws Error in one line, with the numbers and what would do, where an
/// eigenvalue of A is not positive or the condition number of A^N exceeds condition_limit. gain_floor 0:
/// none.
Conditioning condition_heat(const HeatScheme& scheme, int steps, double gain_floor, double condition_limit,
                            const std::vector<double>& laplacian);

} // namespace heat::processes
