#include "processes/operators/modes.h"

#include "kernels/error.h"
#include "kernels/transform.h"
#include "processes/combination.h"
#include "processes/operators/laplacian.h"

#include <cmath>

namespace heat::processes {

namespace {

kernels::TransformKind kind_of(Basis basis) {
    if (basis == Basis::pixel) throw Error("the pixel basis has no transform");
    return basis == Basis::dct1   ? kernels::TransformKind::dct1
           : basis == Basis::dct2 ? kernels::TransformKind::dct2
                                  : kernels::TransformKind::dst1;
}

/// y = x times a row of `rows` for each image, each value for all channels of a point.
void multiply_rows(const double* x, double* y, int64_t count, int64_t points, int channels,
                   const std::vector<double>& rows, const int32_t* row_of_image) {
#pragma omp parallel for
    for (int64_t i = 0; i < count; ++i) {
        const double* row = rows.data() + (row_of_image ? row_of_image[i] : 0) * points;
        const double* from = x + i * points * channels;
        double* to = y + i * points * channels;
        if (channels == 1) {
            for (int64_t p = 0; p < points; ++p) to[p] = row[p] * from[p];
            continue;
        }
        for (int64_t p = 0; p < points; ++p)
            for (int64_t e = p * channels; e < (p + 1) * channels; ++e) to[e] = row[p] * from[e];
    }
}

/// W^½ of the basis, or its inverse; empty for ones.
std::vector<double> weight_roots(Basis basis, int height, int width, bool inverse) {
    if (is_orthonormal(basis)) return {};
    std::vector<double> roots = pixel_weights(Boundary::adiabatic, height, width);
    for (double& weight : roots) weight = inverse ? 1 / std::sqrt(weight) : std::sqrt(weight);
    return roots;
}

void run_transform(kernels::TransformKind kind, const double* x, double* y, int64_t count, int height,
                   int width, int channels) {
    const kernels::Stream& host = stream_of(Device::cpu);
    std::vector<double> workspace(
        size_t(kernels::transform_workspace_elements(host, kind, count, height, width, channels)));
    kernels::transform(host, kind, x, y, count, height, width, channels, workspace.data());
}

} // namespace

Tensor scale_modes(Basis basis, const Tensor& images, const ModeGains& gains) {
    Tensor coefficients = to_basis(basis, images);
    if (basis == Basis::pixel) throw Error("scale_modes: expected the basis of a transform, got pixel");
    const int modes = int(images.shape()[1] * images.shape()[2]);
    const Tensor table = upload_table({gains.rows.begin(), gains.rows.end()}, modes, images.device());
    Tensor rows;
    if (!gains.row_of_image.empty())
        rows =
            Tensor::from_host(Shape{int64_t(gains.row_of_image.size())}, gains.row_of_image, images.device());
    combine({{coefficients, table}}, rows.defined() ? rows.data<int32_t>() : nullptr, coefficients);
    return from_basis(basis, coefficients);
}

void to_basis(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels) {
    const std::vector<double> roots = weight_roots(basis, height, width, false);
    if (!roots.empty()) {
        multiply_rows(x, y, count, int64_t(height) * width, channels, roots, nullptr);
        x = y;
    }
    run_transform(kind_of(basis), x, y, count, height, width, channels);
}

void scale_modes(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels,
                 const ModeGains& gains) {
    const int64_t points = int64_t(height) * width;
    to_basis(basis, x, y, count, height, width, channels);
    multiply_rows(y, y, count, points, channels, gains.rows,
                  gains.row_of_image.empty() ? nullptr : gains.row_of_image.data());
    run_transform(kernels::inverse_of(kind_of(basis)), y, y, count, height, width, channels);
    const std::vector<double> roots = weight_roots(basis, height, width, true);
    if (!roots.empty()) multiply_rows(y, y, count, points, channels, roots, nullptr);
}

double scale_modes_flops(Basis basis, int height, int width, int channels) {
    return 2 * basis_flops(basis, height, width, channels) + double(height) * width * channels;
}

double scale_modes_bytes(int height, int width, int channels, double element) {
    // Image in, coefficients out and in, scaled out and in, image out; a gain for each mode.
    return element * double(height) * width * (6.0 * channels + 1);
}

} // namespace heat::processes
