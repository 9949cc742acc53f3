#include "processes/operators/modes.h"

#include "kernels/error.h"
#include "kernels/transform.h"
#include "processes/basis_step.h"
#include "processes/combination.h"

namespace heat::processes {

namespace {

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

void run_transform(kernels::TransformKind kind, const double* x, double* y, int64_t count, int height,
                   int width, int channels) {
    const kernels::Stream& host = stream_of(Device::cpu);
    std::vector<double> workspace(
        size_t(kernels::transform_workspace_elements(host, kind, count, height, width, channels)));
    kernels::transform(host, kind, x, y, count, height, width, channels, workspace.data());
}

} // namespace

Tensor scale_modes(Basis basis, const Tensor& images, const ModeGains& gains) {
    if (basis == Basis::pixel) throw Error("scale_modes: expected the basis of a transform, got pixel");
    const int modes = int(images.shape()[1] * images.shape()[2]);
    const Tensor table = upload_table({gains.rows.begin(), gains.rows.end()}, modes, images.device());
    Tensor rows, scaled;
    if (!gains.row_of_image.empty())
        rows =
            Tensor::from_host(Shape{int64_t(gains.row_of_image.size())}, gains.row_of_image, images.device());
    basis_step(basis, {{images, table, true}}, rows.defined() ? rows.data<int32_t>() : nullptr, nullptr,
               {{&scaled, {}}});
    return scaled;
}

void to_basis(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels) {
    run_transform(transform_kind(basis), x, y, count, height, width, channels);
}

void scale_modes(Basis basis, const double* x, double* y, int64_t count, int height, int width, int channels,
                 const ModeGains& gains) {
    const int64_t points = int64_t(height) * width;
    to_basis(basis, x, y, count, height, width, channels);
    multiply_rows(y, y, count, points, channels, gains.rows,
                  gains.row_of_image.empty() ? nullptr : gains.row_of_image.data());
    run_transform(kernels::inverse_of(transform_kind(basis)), y, y, count, height, width, channels);
}

double scale_modes_flops(Basis basis, int height, int width, int channels) {
    return 2 * basis_flops(basis, height, width, channels) + double(height) * width * channels;
}

double scale_modes_bytes(int height, int width, int channels, double element) {
    // Image in and out and a gain for each mode; in f64 the coefficients go out and in twice between.
    const double passes = element == sizeof(float) ? 2.0 : 6.0;
    return element * double(height) * width * (passes * channels + 1);
}

} // namespace heat::processes
