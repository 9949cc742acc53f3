#include "processes/operators/laplacian.h"

#include "kernels/error.h"

#include <fmt/format.h>

namespace heat::processes {

AxisDifference axis_difference(Boundary boundary, int n) {
    if (n < 1) throw Error(fmt::format("an axis of {} pixels: expected at least 1", n));
    const auto last = size_t(n) - 1;
    AxisDifference d{std::vector<double>(size_t(n), -2.0), std::vector<double>(last, 1.0),
                     std::vector<double>(last, 1.0)};
    if (boundary == Boundary::fixed) return d;
    if (n == 1) {
        d.diagonal[0] = 0;
    } else if (boundary == Boundary::adiabatic) { // u_{−1} = u_1
        d.upper.front() = 2;
        d.lower.back() = 2;
    } else { // u_{−1} = u_0
        d.diagonal.front() += 1;
        d.diagonal.back() += 1;
    }
    return d;
}

std::vector<double> pixel_weights(Boundary boundary, int height, int width) {
    const auto along = [boundary](int i, int n) {
        return boundary == Boundary::adiabatic && n > 1 && (i == 0 || i == n - 1) ? 0.5 : 1.0;
    };
    std::vector<double> weights;
    weights.reserve(size_t(height) * size_t(width));
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j) weights.push_back(along(i, height) * along(j, width));
    return weights;
}

} // namespace heat::processes
