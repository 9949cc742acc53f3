#pragma once

#include <vector>

namespace heat::reference {

// Over NHWC; n, h, w, c are the sizes of the forward pass's input.

/// y[n,i,j,c] = x[n,⌊i/2⌋,⌊j/2⌋,c], i < 2h, j < 2w.
std::vector<double> upsample_nearest_forward(const std::vector<double>& x, int n, int h, int w, int c);
std::vector<double> upsample_nearest_backward(const std::vector<double>& dy, int n, int h, int w, int c);
/// Mean over blocks of 2 × 2; h and w are even.
std::vector<double> average_pool_forward(const std::vector<double>& x, int n, int h, int w, int c);
std::vector<double> average_pool_backward(const std::vector<double>& dy, int n, int h, int w, int c);

} // namespace heat::reference
