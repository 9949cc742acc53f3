#pragma once

#include <vector>

namespace heat::reference {

/// x·sigmoid(x) and its derivative.
double silu(double x);
double silu_derivative(double x);
std::vector<double> silu_forward(const std::vector<double>& x);
std::vector<double> silu_backward(const std::vector<double>& x, const std::vector<double>& dy);

/// silu(x·(1 + scale) + shift): x images × rows × channels, m images × 2·channels, the scales first.
std::vector<double> scale_shift_silu(const std::vector<double>& x, const std::vector<double>& m, int images,
                                     int rows, int channels);

/// Softmax of each of `rows` rows.
std::vector<double> softmax_forward(const std::vector<double>& x, int rows, int columns);
/// dx = Jᵀ dy with J[i,j] = ∂y_i/∂x_j = y_i (δ_ij − y_j), summed entry by entry.
std::vector<double> softmax_backward(const std::vector<double>& y, const std::vector<double>& dy, int rows,
                                     int columns);

} // namespace heat::reference
