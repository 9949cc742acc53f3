#pragma once

// The matrices of the transforms, in f64.

#include "kernels/transform.h"

#include <vector>

namespace heat::kernels {

/// D[k, j] of a kind for an axis of length n, row-major.
std::vector<double> transform_matrix(TransformKind kind, int n);

/// D ⊗ I_channels in row-major order: the transform along an axis whose elements are `channels` interleaved
/// values.
std::vector<double> interleaved_transform_matrix(TransformKind kind, int n, int channels);

} // namespace heat::kernels
