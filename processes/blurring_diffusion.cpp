#include "processes/blurring_diffusion.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace heat::processes {

namespace {

constexpr double largest_log_snr = 10; ///< at t = 0; −10 at t = 1

/// log α² and log σ² at time t: their ratio has the logarithm −2 log tan(at + b), which runs from 10 to −10.
struct Noise {
    double log_alpha, log_sigma;

    explicit Noise(double t) {
        const double b = std::atan(std::exp(-largest_log_snr / 2)),
                     a = std::atan(std::exp(largest_log_snr / 2)) - b;
        const double tangent = std::tan(a * t + b);
        log_sigma = std::log(tangent) - 0.5 * std::log1p(tangent * tangent); // α = cos, σ = sin of at + b
        log_alpha = -0.5 * std::log1p(tangent * tangent);
    }
};

double blur_sigma(double sigma_max, double t) {
    const double sine = std::sin(std::numbers::pi / 2 * t);
    return sigma_max * sine * sine;
}

double gain(double mu, double sigma, double d_min) {
    return (1 - d_min) * std::exp(-mu * sigma * sigma / 2) + d_min;
}

DiagonalModel model_of(ImageSize size, const BlurringSettings& settings) {
    if (settings.steps < 1)
        throw Error(fmt::format("process.steps = {}: expected at least 1", settings.steps));
    if (!(settings.sigma_max > 0 && settings.d_min > 0 && settings.d_min <= 1))
        throw Error(fmt::format("blurring with sigma_max = {} and d_min = {}: expected sigma_max above 0 and "
                                "0 < d_min <= 1",
                                settings.sigma_max, settings.d_min));
    const std::vector<double> mu = eigenvalues(Basis::dct2, size.height, size.width);
    const int modes = int(mu.size());
    // Level 0 is the data themselves.
    std::vector<double> log_a(mu.size(), 0.0), log_s(mu.size(), -std::numeric_limits<double>::infinity());
    for (int n = 1; n <= settings.steps; ++n) {
        const double t = double(n) / settings.steps, width = blur_sigma(settings.sigma_max, t);
        const Noise noise(t);
        for (const double value : mu) {
            log_a.push_back(noise.log_alpha + std::log(gain(value, width, settings.d_min)));
            log_s.push_back(noise.log_sigma);
        }
    }
    DiagonalModel model{Basis::dct2,
                        DiagonalTables(settings.steps, modes, std::move(log_a), std::move(log_s)),
                        std::vector<double>(mu.size(), 1.0)};
    model.prediction = settings.prediction;
    model.variance = settings.variance;
    model.loss_weight = settings.loss_weight;
    return model;
}

} // namespace

BlurringDiffusion::BlurringDiffusion(ImageSize size, const BlurringSettings& settings, Device device)
    : DiagonalProcess(size, model_of(size, settings), device), settings_(settings) {}

std::vector<ReportEntry> BlurringDiffusion::report() const {
    std::vector<ReportEntry> entries = DiagonalProcess::report();
    int floored = 0;
    for (const double mu : eigenvalues(Basis::dct2, size().height, size().width))
        floored += gain(mu, settings_.sigma_max, settings_.d_min) < 2 * settings_.d_min;
    append(entries, {{"blur_sigma_last_pixels", settings_.sigma_max, "blur width at level N"},
                     {"modes_at_d_min", double(floored),
                      "DCT modes of which d_min makes up half or more at level N"}});
    return entries;
}

std::vector<TableColumn> BlurringDiffusion::tables() const {
    TableColumn width{"blur_sigma", {}}, alpha{"alpha", {}}, sigma{"sigma", {}},
        smallest{"smallest_gain", {}};
    const DiagonalTables& levels = model().tables;
    const int last_mode = levels.width() - 1; // the largest eigenvalue; mode 0 has gain 1
    for (int n = 0; n <= steps(); ++n) {
        width.values.push_back(blur_sigma(settings_.sigma_max, double(n) / steps()));
        alpha.values.push_back(levels.a(n, 0));
        sigma.values.push_back(levels.s(n, 0));
        smallest.values.push_back(std::exp(levels.log_a(n, last_mode) - levels.log_a(n, 0)));
    }
    std::vector<TableColumn> columns{width, alpha, sigma, smallest};
    add_loss_weight(columns);
    return columns;
}

} // namespace heat::processes
