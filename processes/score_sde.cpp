#include "processes/score_sde.h"

#include "kernels/error.h"
#include "processes/schedule.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace heat::processes {

std::vector<double> geometric_noise(int levels, double least, double most) {
    if (levels < 2) throw Error(fmt::format("process.steps = {}: this process needs at least 2", levels));
    if (!(least > 0 && least < most))
        throw Error(fmt::format("noise from {} to {}: expected 0 < noise_min < noise_max", least, most));
    std::vector<double> sigmas{0.0};
    for (int n = 1; n <= levels; ++n)
        sigmas.push_back(least * std::pow(most / least, double(n - 1) / (levels - 1)));
    return sigmas;
}

TableColumn snr_column(const DiagonalTables& tables) {
    TableColumn snr{"snr", {}};
    for (int t = 0; t <= tables.levels(); ++t) snr.values.push_back(std::exp(tables.log_snr(t, 0)));
    return snr;
}

namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

DiagonalModel exploding_model(const VarianceExplodingSettings& settings) {
    const std::vector<double> sigmas =
        geometric_noise(settings.steps, settings.noise_min, settings.noise_max);
    std::vector<double> log_s, gains;
    for (const double sigma : sigmas) {
        log_s.push_back(std::log(sigma));
        gains.push_back(1 / std::hypot(1.0, sigma));
    }
    DiagonalModel model{Basis::pixel,
                        DiagonalTables(settings.steps, 1, std::vector<double>(sigmas.size(), 0.0), log_s),
                        {settings.noise_max},
                        settings.prediction,
                        settings.variance,
                        0.f,
                        1.f};
    if (settings.normalised) model.input_gains = gains;
    model.starts_at_last_level = true;
    const double least = std::log(settings.noise_min),
                 slope = std::log(settings.noise_max / settings.noise_min) / (settings.steps - 1);
    model.continuous = [=](double level) {
        return ContinuousLevel{0, least + slope * (level - 1), 0, slope};
    };
    return model;
}

DiagonalModel sub_vp_model(const SubVariancePreservingSettings& settings) {
    const int steps = settings.steps;
    const auto log_alpha_bar = [=](double time) {
        return vp_log_alpha_bar(time, settings.beta_start, settings.beta_end);
    };
    (void)vp_betas(steps, settings.beta_start, settings.beta_end); // throws for impossible settings
    std::vector<double> log_a{0.0}, log_s{minus_infinity};
    for (int n = 1; n <= steps; ++n) {
        const double value = log_alpha_bar(double(n) / steps);
        log_a.push_back(0.5 * value);
        log_s.push_back(std::log(-std::expm1(value)));
    }
    DiagonalModel model{Basis::pixel,
                        DiagonalTables(steps, 1, log_a, log_s),
                        {1.0},
                        settings.prediction,
                        settings.variance,
                        -1.f,
                        1.f};
    model.continuous = [=](double level) {
        const double value = log_alpha_bar(level / steps), s = -std::expm1(value);
        const double slope = -vp_beta(level / steps, settings.beta_start, settings.beta_end) / steps;
        return ContinuousLevel{0.5 * value, std::log(s), 0.5 * slope, -slope * std::exp(value) / s};
    };
    return model;
}

} // namespace

VarianceExploding::VarianceExploding(ImageSize size, const VarianceExplodingSettings& settings, Device device)
    : DiagonalProcess(size, exploding_model(settings), device) {}

std::vector<TableColumn> VarianceExploding::tables() const {
    TableColumn sigma{"sigma", {}};
    for (int n = 0; n <= steps(); ++n) sigma.values.push_back(model().tables.s(n, 0));
    return {sigma, snr_column(model().tables)};
}

SubVariancePreserving::SubVariancePreserving(ImageSize size, const SubVariancePreservingSettings& settings,
                                             Device device)
    : DiagonalProcess(size, sub_vp_model(settings), device) {}

std::vector<TableColumn> SubVariancePreserving::tables() const {
    TableColumn alpha{"alpha", {}}, sigma{"sigma", {}};
    for (int n = 0; n <= steps(); ++n) {
        alpha.values.push_back(model().tables.a(n, 0));
        sigma.values.push_back(model().tables.s(n, 0));
    }
    return {alpha, sigma, snr_column(model().tables)};
}

} // namespace heat::processes
