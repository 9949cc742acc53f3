#pragma once

#include "processes/basis.h"
#include "processes/process.h"

namespace heat::processes {

/// Work of one sampling step for one image, the network left out.
struct StepCost {
    double bytes = 0; ///< read and written by the kernels, tables apart
    double flops = 0; ///< additions and multiplications

    StepCost& operator+=(StepCost other) {
        bytes += other.bytes;
        flops += other.flops;
        return *this;
    }
};

/// An affine combination of `terms` arrays of `elements` floats.
inline StepCost combination_cost(int terms, double elements) {
    return {4.0 * (terms + 1) * elements, (2.0 * terms - 1) * elements};
}

/// A map over `elements` floats with `flops` operations each.
inline StepCost map_cost(double elements, double flops) {
    return {8.0 * elements, flops * elements};
}

/// Drawing normals: their writing only, since the generator works on integers.
inline StepCost noise_cost(double elements) {
    return {4.0 * elements, 0.0};
}

/// One change of basis of one image: it is read and written once, unless the basis is pixels.
inline StepCost basis_cost(Basis basis, int height, int width, int channels) {
    if (basis == Basis::pixel) return {};
    return {8.0 * height * width * channels, basis_flops(basis, height, width, channels)};
}

/// The cost's entries in a report.
inline std::vector<ReportEntry> cost_report(StepCost cost) {
    return {{"step_bytes_per_image", cost.bytes, "memory traffic of a sampling step, the network left out"},
            {"step_flops_per_image", cost.flops,
             "floating-point operations of a sampling step, the network left out"}};
}

} // namespace heat::processes
