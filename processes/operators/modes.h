#pragma once

#include "processes/basis.h"

#include <cstdint>
#include <span>
#include <vector>

namespace heat::processes {

/// What multiplies the modes of a basis: rows of one gain for each mode, row-major, and the row of each image
/// (empty: row 0 for all).
struct ModeGains {
    std::vector<double> rows;
    std::vector<int32_t> row_of_image;
};

/// An operator that is diagonal in a basis other than pixel: transform, gains, inverse, for each channel of
/// f32 images N×H×W×C, on their device. Throws Error for another rank or type.
Tensor scale_modes(Basis basis, const Tensor& images, const ModeGains& gains);
/// The same for `count` f64 images H×W×`channels` in host memory; y may be x.
void scale_modes(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels,
                 const ModeGains& gains);

/// Coefficients of `count` f64 images in host memory, as to_basis; y may be x.
void to_basis(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels);

/// Floating-point operations and least memory traffic of scale_modes on one image, `element` bytes a value.
double scale_modes_flops(Basis basis, int height, int width, int channels);
double scale_modes_bytes(int height, int width, int channels, double element);

} // namespace heat::processes
