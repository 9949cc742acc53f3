#pragma once

#include "engine/tensor.h"

#include <vector>

namespace heat::processes {

/// The basis in which a process is diagonal: pixels themselves, or the orthonormal 2-D DCT-II of each channel
/// (zero flux through the image's border).
enum class Basis { pixel, dct2 };

/// "pixel" or "DCT-II".
const char* name_of(Basis basis);

/// Whether the change of basis is a rotation, so that white noise is white in either basis and may be drawn
/// in the eigenbasis directly.
bool is_orthonormal(Basis basis);

/// Eigenvalues μ >= 0 of −Laplacian on H×W unit pixels, row-major: μ_ij = π²(i²/H² + j²/W²) for dct2 (IHDM
/// eq. 21). The pixel basis belongs to no operator: one eigenvalue, 0, for every pixel.
std::vector<double> eigenvalues(Basis basis, int height, int width);

/// Coefficients of f32 images N×H×W×C, in the same shape and layout: coefficient (i, j) at row i, column j.
/// The pixel basis shares the storage. Throws Error for another rank or type.
Tensor to_basis(Basis basis, const Tensor& images);
/// The inverse of to_basis.
Tensor from_basis(Basis basis, const Tensor& coefficients);

/// Floating-point operations of one change of basis of one image.
double basis_flops(Basis basis, int height, int width, int channels);

} // namespace heat::processes
