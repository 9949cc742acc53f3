#pragma once

#include <cstddef>
#include <vector>

namespace heat::reference {

/// A square matrix, row-major.
struct SquareMatrix {
    int n = 0;
    std::vector<double> values;

    double& at(int i, int j) { return values[size_t(i) * size_t(n) + size_t(j)]; }
    double at(int i, int j) const { return values[size_t(i) * size_t(n) + size_t(j)]; }
};

/// The 5-point Laplacian over H×W pixels by what a pixel's four neighbours are: inside the image, itself;
/// outside, by the boundary 'a' (adiabatic) the pixel on the other side of this one, none on an axis of one
/// pixel; 'h' (half-sample) this pixel; 'f' (fixed) 0.
SquareMatrix laplacian(char boundary, int height, int width);

/// S = I − (1−θ)K L and T = I + θK L (HDM, eq. 11).
SquareMatrix heat_s(const SquareMatrix& laplacian, double k, double theta);
SquareMatrix heat_t(const SquareMatrix& laplacian, double k, double theta);

/// A^n u, A = S⁻¹T: |n| products and Gaussian eliminations with partial pivoting, in long double.
std::vector<double> heat_power(const SquareMatrix& s, const SquareMatrix& t, int power,
                               const std::vector<double>& u);

} // namespace heat::reference
