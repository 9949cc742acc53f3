#include "processes/continuous_tables.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {
namespace {

struct CurvePoint {
    double value, slope;
};

/// The cubics through value(first), …, value(last) whose slopes there are those of parabolas through three
/// neighbours; parabolas themselves come out exactly. `rising`: the slopes are limited so that values which
/// never fall make a curve that never falls (Fritsch, Carlson 1980).
template <class Value>
CurvePoint on_curve(double x, int first, int last, bool rising, Value value) {
    const auto slope_at = [&](int n) {
        double slope = 0, least = INFINITY;
        if (n > first) least = std::min(least, value(n) - value(n - 1));
        if (n < last) least = std::min(least, value(n + 1) - value(n));
        if (n == first)
            slope = 0.5 * (-3 * value(n) + 4 * value(n + 1) - value(n + 2));
        else if (n == last)
            slope = 0.5 * (3 * value(n) - 4 * value(n - 1) + value(n - 2));
        else
            slope = 0.5 * (value(n + 1) - value(n - 1));
        return rising ? std::clamp(slope, 0.0, 3 * std::max(0.0, least)) : slope;
    };
    const int n = std::clamp(int(std::floor(x)), first, last - 1);
    const double u = x - n, y0 = value(n), y1 = value(n + 1), m0 = slope_at(n), m1 = slope_at(n + 1);
    const double rise = y1 - y0, c2 = 3 * rise - 2 * m0 - m1, c3 = m0 + m1 - 2 * rise;
    return {y0 + u * (m0 + u * (c2 + u * c3)), m0 + u * (2 * c2 + 3 * u * c3)};
}

} // namespace

ContinuousTables::ContinuousTables(const DiagonalProcess& process) : process_(process) {
    if (process.steps() < 3)
        throw Error(fmt::format("levels in between take at least 3 levels, process.steps is {}: choose "
                                "solver ddim or ancestral",
                                process.steps()));
    if (process.model().view)
        throw Error("an operator on pixels has no levels in between: choose process.solver = spectral, or "
                    "the solver ddim or ancestral");
}

ContinuousLevel ContinuousTables::at(double level, int p) const {
    const DiagonalModel& model = process_.model();
    if (model.continuous) return model.continuous(level);
    const DiagonalTables& tables = model.tables;
    const CurvePoint a =
        on_curve(level, 1, tables.levels(), false, [&](int n) { return tables.log_a(n, p); });
    const CurvePoint ratio = on_curve(level, 1, tables.levels(), true,
                                      [&](int n) { return tables.log_s(n, p) - tables.log_a(n, p); });
    return {a.value, ratio.value + a.value, a.slope, ratio.slope + a.slope};
}

double ContinuousTables::input_gain(double level, int p) const {
    const DiagonalModel& model = process_.model();
    if (model.input_gains.empty()) return 1.0;
    const auto width = size_t(model.tables.width());
    return std::exp(on_curve(level, 1, model.tables.levels(), false, [&](int n) {
                        return std::log(model.input_gains[size_t(n) * width + size_t(p)]);
                    }).value);
}

double ContinuousTables::timestep(double level) const {
    return on_curve(level, 1, process_.steps(), false,
                    [&](int n) { return double(process_.timestep_of_level(n)); })
        .value;
}

NoiseEstimate noise_estimate(const ContinuousLevel& level, Prediction prediction) {
    const double a = std::exp(level.log_a), s = std::exp(level.log_s);
    switch (prediction) {
    case Prediction::epsilon:
        return {0.0, 1.0};
    case Prediction::x0:
        return {1.0 / s, -std::exp(level.log_a - level.log_s)};
    case Prediction::v:
        return {s / (a * a + s * s), a / std::hypot(a, s)};
    }
    throw Error("noise_estimate: no such prediction");
}

ContinuousLevels variance_preserving_levels(const std::vector<double>& log_alpha_bars) {
    return [log_alpha_bars](double level) {
        const CurvePoint point = on_curve(level, 0, int(log_alpha_bars.size()) - 1, false,
                                          [&](int n) { return 0.5 * log_alpha_bars[size_t(n)]; });
        const double variance = -std::expm1(2 * point.value); // s²; its slope is −2a² (log a)'
        return ContinuousLevel{point.value, 0.5 * std::log(variance), point.slope,
                               -point.slope * std::exp(2 * point.value) / variance};
    };
}

} // namespace heat::processes
