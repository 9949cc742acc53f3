#pragma once

#include "engine/tensor.h"
#include "kernels/transform.h"

#include <vector>

namespace heat::processes {

/// The basis in which a process is diagonal: pixels themselves, or the eigenvectors of a Laplacian, by a 2-D
/// transform of each channel (docs/math.md, "Bases"): no flux through the outermost pixels' centres (DCT-I)
/// or edges (DCT-II), or zero outside (DST-I).
enum class Basis { pixel, dct1, dct2, dst1 };

/// "pixel", "DCT-I", "DCT-II", "DST-I".
const char* name_of(Basis basis);

/// Whether the change of basis is a rotation, so that white noise is white in either basis and may be drawn
/// in the eigenbasis directly. The DCT-I's is none: it is the orthonormal DCT-I of W^½u, with the trapezoid's
/// weights ½, 1, …, 1, ½ along each axis, and its inverse W^{−½} of the DCT-I.
bool is_orthonormal(Basis basis);

/// Eigenvalues μ >= 0 of −Laplacian on H×W unit pixels, row-major, of the heat equation in continuous space:
/// μ_ij = π²(i²/H² + j²/W²) for dct2 (IHDM eq. 21). The pixel basis belongs to no operator: one eigenvalue,
/// 0, for every pixel. Throws Error for the others.
std::vector<double> eigenvalues(Basis basis, int height, int width);

/// Eigenvalues ℓ <= 0 of the 5-point Laplacian, row-major: of each axis of length n 2cos(πk/(n−1)) − 2 for
/// dct1 (0 where n = 1), 2cos(πk/n) − 2 for dct2, 2cos(π(k+1)/(n+1)) − 2 for dst1, summed. Throws Error for
/// pixel.
std::vector<double> discrete_eigenvalues(Basis basis, int height, int width);

/// The transform from pixels to coefficients. Throws Error for pixel.
kernels::TransformKind transform_kind(Basis basis);

/// Coefficients of f32 images N×H×W×C, in the same shape and layout: coefficient (i, j) at row i, column j.
/// The pixel basis shares the storage. Throws Error for another rank or type.
Tensor to_basis(Basis basis, const Tensor& images);
/// The inverse of to_basis.
Tensor from_basis(Basis basis, const Tensor& coefficients);

/// Floating-point operations of one change of basis of one image.
double basis_flops(Basis basis, int height, int width, int channels);

} // namespace heat::processes
