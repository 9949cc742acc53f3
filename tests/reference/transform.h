#pragma once

#include "kernels/transform.h"

#include <vector>

namespace heat::reference {

/// The 2-D transform of each channel of N×H×W×C images by the definitions of kernels/transform.h, O(n) for
/// each output of an axis.
std::vector<double> transform(kernels::TransformKind kind, const std::vector<double>& x, int height,
                              int width, int channels);

} // namespace heat::reference
