#include "processes/edm.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace heat::processes {
namespace {

/// σ at a level of 1..N, and d log σ by the level.
struct Sigma {
    double log, slope;

    Sigma(const EdmSettings& settings, double level) {
        const double low = std::pow(settings.noise_min, 1 / settings.rho),
                     step = (std::pow(settings.noise_max, 1 / settings.rho) - low) / (settings.steps - 1),
                     root = low + step * (level - 1);
        log = settings.rho * std::log(root);
        slope = settings.rho * step / root;
    }
};

void check(const EdmSettings& settings) {
    if (settings.steps < 2)
        throw Error(fmt::format("process.steps = {}: edm needs at least 2", settings.steps));
    if (!(settings.noise_min > 0 && settings.noise_min < settings.noise_max))
        throw Error(fmt::format("edm with noise from {} to {}: expected 0 < noise_min < noise_max",
                                settings.noise_min, settings.noise_max));
    if (!(settings.sigma_data > 0 && settings.rho > 0 && settings.noise_deviation > 0))
        throw Error(
            fmt::format("edm with sigma_data = {}, rho = {}, noise_deviation = {}: expected all above "
                        "0",
                        settings.sigma_data, settings.rho, settings.noise_deviation));
}

/// The share of the log-normal distribution that is nearest to each level 1..N by log σ.
std::vector<double> training_weights(const EdmSettings& settings) {
    const auto below = [&](double log_sigma) {
        const double z = (log_sigma - settings.noise_mean) / settings.noise_deviation;
        return 0.5 * std::erfc(-z / std::numbers::sqrt2);
    };
    std::vector<double> weights;
    double before = 0;
    for (int n = 1; n <= settings.steps; ++n) {
        const double after =
            n == settings.steps ? 1.0 : below(0.5 * (Sigma(settings, n).log + Sigma(settings, n + 1).log));
        weights.push_back(after - before);
        before = after;
    }
    return weights;
}

DiagonalModel edm_model(const EdmSettings& settings) {
    check(settings);
    const double log_data = std::log(settings.sigma_data);
    std::vector<double> log_s{-std::numeric_limits<double>::infinity()}, gains{1.0}, timesteps{0.0};
    const double least = std::log(settings.noise_min),
                 unit = (settings.steps - 1) / (std::log(settings.noise_max) - least);
    for (int n = 1; n <= settings.steps; ++n) {
        const double log_sigma = Sigma(settings, n).log;
        log_s.push_back(log_sigma - log_data);
        gains.push_back(1 / std::hypot(1.0, std::exp(log_sigma - log_data)));
        timesteps.push_back(unit * (log_sigma - least));
    }
    const auto edge = float(1 / settings.sigma_data);
    DiagonalModel model{Basis::pixel,
                        DiagonalTables(settings.steps, 1, std::vector<double>(log_s.size(), 0.0), log_s),
                        {settings.noise_max / settings.sigma_data},
                        Prediction::v,
                        Variance::small,
                        -edge,
                        edge};
    model.input_gains = gains;
    model.level_weights = training_weights(settings);
    model.timesteps = timesteps;
    model.starts_at_last_level = true;
    model.continuous = [=](double level) {
        const Sigma sigma(settings, level);
        return ContinuousLevel{0, sigma.log - log_data, 0, sigma.slope};
    };
    return model;
}

} // namespace

Edm::Edm(ImageSize size, const EdmSettings& settings, Device device)
    : DiagonalProcess(size, edm_model(settings), device), settings_(settings) {}

std::vector<TableColumn> Edm::tables() const {
    TableColumn sigma{"sigma", {}}, skip{"c_skip", {}}, out{"c_out", {}}, in{"c_in", {}},
        noise{"c_noise", {}}, timestep{"timestep", {}}, share{"training_share", {0.0}};
    const double data = settings_.sigma_data;
    for (int n = 0; n <= steps(); ++n) {
        const double value = model().tables.s(n, 0) * data, norm = std::hypot(value, data);
        sigma.values.push_back(value);
        skip.values.push_back(data * data / (norm * norm));
        out.values.push_back(value * data / norm);
        in.values.push_back(1 / norm);
        noise.values.push_back(n ? std::log(value) / 4 : std::numeric_limits<double>::quiet_NaN());
        timestep.values.push_back(model().timesteps[size_t(n)]);
    }
    for (const double weight : model().level_weights) share.values.push_back(weight);
    return {sigma, skip, out, in, noise, timestep, share};
}

} // namespace heat::processes
