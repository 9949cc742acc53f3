#include "processes/operators/stencil.h"

#include "processes/operators/laplacian.h"

#include <cmath>

namespace heat::processes {

namespace {

/// The differences along an axis made symmetric, W^½ L W^{−½} with the weights W of pixel_weights.
Stencil::Axis axis_of(Boundary boundary, int n) {
    const AxisDifference d = axis_difference(boundary, n);
    Stencil::Axis axis{d.diagonal, {0.0}, {}};
    for (size_t i = 0; i < d.lower.size(); ++i) {
        const double coupling = std::sqrt(d.lower[i] * d.upper[i]);
        axis.before.push_back(coupling);
        axis.after.push_back(coupling);
    }
    axis.after.push_back(0.0);
    return axis;
}

std::vector<double> repeated(const std::vector<double>& values, int times) {
    std::vector<double> result;
    result.reserve(values.size() * size_t(times));
    for (const double value : values) result.insert(result.end(), size_t(times), value);
    return result;
}

} // namespace

Stencil::Stencil(Boundary boundary, int height, int width)
    : height_(height), width_(width), rows_(axis_of(boundary, height)), columns_(axis_of(boundary, width)) {}

Stencil::RowTables Stencil::row_tables(int lanes) const {
    return {lanes, repeated(columns_.before, lanes), repeated(columns_.after, lanes),
            repeated(columns_.diagonal, lanes)};
}

void Stencil::multiply(double c, const RowTables& tables, const double* x, double* y) const {
    const int64_t lanes = tables.lanes, row_size = width_ * lanes;
    const double* left = tables.left.data();
    const double* right = tables.right.data();
    const double* diagonal = tables.diagonal.data();
    for (int i = 0; i < height_; ++i) {
        const auto row = size_t(i);
        const double before = rows_.before[row], after = rows_.after[row], own = rows_.diagonal[row];
        const double* here = x + i * row_size;
        const double* above = i > 0 ? here - row_size : here; // its coefficient is 0
        const double* below = i + 1 < height_ ? here + row_size : here;
        double* out = y + i * row_size;
#pragma omp simd
        for (int64_t q = 0; q < row_size; ++q) {
            const double laplacian = (own + diagonal[q]) * here[q] + left[q] * here[q - lanes] +
                                     right[q] * here[q + lanes] + before * above[q] + after * below[q];
            out[q] = here[q] - c * laplacian;
        }
    }
}

} // namespace heat::processes
