#include "processes/learned_variance.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace heat::processes {

double bound_share(int levels) {
    return 0.001 * levels / std::numbers::ln2;
}

std::vector<HybridLevel> hybrid_levels(const DiagonalTables& tables, Prediction prediction,
                                       const std::vector<double>& simple) {
    std::vector<HybridLevel> rows(1);
    for (int t = 1; t <= tables.levels(); ++t) {
        const double low = clipped_posterior_variance(tables, t, 0);
        const double high = transition(tables, t - 1, t, 0).variance;
        const double mean =
            -posterior(tables, t - 1, t, 0).clean * clean_coefficients(tables, prediction, t, 0).output;
        const HybridLevel row{float(simple[size_t(t)]), float(mean), float(mean * mean / low),
                              float(std::log(low)), float(std::log(high / low))};
        for (const float value : {row.simple, row.mean, row.precision, row.log_low, row.span})
            if (!std::isfinite(value))
                throw Error(
                    fmt::format("learning the variance of level {}: its numbers do not fit f32; choose a "
                                "milder schedule",
                                t));
        rows.push_back(row);
    }
    return rows;
}

} // namespace heat::processes
