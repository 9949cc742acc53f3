#include "processes/factory.h"

#include "kernels/error.h"
#include "processes/blurring_diffusion.h"
#include "processes/cold_diffusion.h"
#include "processes/ddpm.h"
#include "processes/edm.h"
#include "processes/heat_diffusion_model.h"
#include "processes/heat_dissipation.h"
#include "processes/schedule.h"
#include "processes/score_sde.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace heat::processes {

namespace {

std::vector<double> betas_of(const ProcessConfig& config) {
    std::vector<double> betas =
        betas_from_name(config.schedule, config.steps.value_or(1000), config.beta_start, config.beta_end);
    return config.zero_terminal_snr ? rescaled_to_zero_terminal_snr(betas) : betas;
}

LossWeight loss_weight_of(const ProcessConfig& config) {
    LossWeight weight;
    weight.kind = loss_weight_from_name(config.loss_weight);
    weight.gamma = config.loss_gamma.value_or(weight.kind == LossWeightKind::p2 ? 1.0 : 5.0);
    weight.k = config.loss_k;
    return weight;
}

/// Processes whose levels have no noise of their own.
void expect_uniform_loss(const ProcessConfig& config) {
    if (loss_weight_of(config).kind != LossWeightKind::uniform)
        throw Error(
            fmt::format("process.loss_weight = {}: levels of {} have no signal-to-noise ratio, so they weigh "
                        "the same: choose uniform",
                        config.loss_weight, config.kind));
}

std::unique_ptr<Process> make_ddpm(const ProcessConfig& config, ImageSize size, Device device) {
    return std::make_unique<Ddpm>(size, betas_of(config), prediction_from_name(config.prediction),
                                  variance_from_name(config.variance), device, loss_weight_of(config));
}

double last_width(const ProcessConfig& config, ImageSize size) {
    return config.sigma_max.value_or(std::max(size.height, size.width) / 2.0);
}

std::unique_ptr<Process> make_heat_dissipation(const ProcessConfig& config, ImageSize size, Device device) {
    expect_uniform_loss(config);
    HeatDissipationSettings settings;
    settings.steps = config.steps.value_or(200);
    settings.sigma_min = config.sigma_min;
    settings.sigma_max = last_width(config, size);
    settings.sigma = config.sigma;
    settings.delta = config.delta.value_or(1.25 * config.sigma);
    return std::make_unique<HeatDissipation>(size, settings, device);
}

std::unique_ptr<Process> make_heat_diffusion_model(const ProcessConfig& config, ImageSize size,
                                                   Device device) {
    HeatDiffusionSettings settings;
    settings.betas = betas_of(config);
    if (config.k && config.heat)
        throw Error("process.K and process.heat say the same, heat = K · steps: set one of them");
    settings.scheme.k = config.k.value_or(config.heat.value_or(0.5) / double(settings.betas.size() - 1));
    settings.scheme.theta = config.theta;
    settings.scheme.boundary = boundary_from_name(config.boundary.empty() ? "adiabatic" : config.boundary);
    settings.kind = heat_operator_from_name(config.operation);
    settings.solver = solver_method_from_name(config.solver);
    settings.input = !config.input.empty()                       ? heat_input_from_name(config.input)
                     : settings.solver == SolverMethod::spectral ? HeatInput::normalised
                                                                 : HeatInput::u;
    settings.gain_floor = config.gain_floor;
    settings.condition_limit = config.condition_limit;
    settings.prediction = prediction_from_name(config.prediction);
    settings.variance = variance_from_name(config.variance);
    settings.loss_weight = loss_weight_of(config);
    return std::make_unique<HeatDiffusionModel>(size, settings, device);
}

std::unique_ptr<Process> make_blurring_diffusion(const ProcessConfig& config, ImageSize size, Device device) {
    if (!config.boundary.empty() && boundary_from_name(config.boundary) != Boundary::half_sample)
        throw Error(
            fmt::format("blurring diffusion takes boundary half-sample (the DCT-II), not {}: its noise is "
                        "white in an orthonormal basis, and the DCT-I of adiabatic is none",
                        config.boundary));
    BlurringSettings settings;
    settings.steps = config.steps.value_or(1000);
    settings.sigma_max = last_width(config, size);
    settings.d_min = config.d_min;
    settings.prediction = prediction_from_name(config.prediction);
    settings.variance = variance_from_name(config.variance);
    settings.loss_weight = loss_weight_of(config);
    return std::make_unique<BlurringDiffusion>(size, settings, device);
}

std::unique_ptr<Process> make_cold_diffusion(const ProcessConfig& config, ImageSize size, Device device) {
    expect_uniform_loss(config);
    const ColdDiffusionSettings settings{config.steps.value_or(200), config.sigma_min,
                                         last_width(config, size), config.delta.value_or(0.0)};
    return std::make_unique<ColdDiffusion>(size, settings, device);
}

std::unique_ptr<Process> make_variance_exploding(const ProcessConfig& config, ImageSize size, Device device) {
    if (!config.input.empty() && config.input != "u" && config.input != "normalised")
        throw Error(fmt::format("process.input of ve: expected u or normalised, got '{}'", config.input));
    VarianceExplodingSettings settings;
    settings.steps = config.steps.value_or(settings.steps);
    settings.noise_min = config.noise_min.value_or(settings.noise_min);
    settings.noise_max = config.noise_max.value_or(settings.noise_max);
    settings.normalised = config.input != "u";
    settings.prediction = prediction_from_name(config.prediction);
    settings.variance = variance_from_name(config.variance);
    return std::make_unique<VarianceExploding>(size, settings, device);
}

std::unique_ptr<Process> make_sub_vp(const ProcessConfig& config, ImageSize size, Device device) {
    const SubVariancePreservingSettings settings{config.steps.value_or(1000), config.beta_start,
                                                 config.beta_end, prediction_from_name(config.prediction),
                                                 variance_from_name(config.variance)};
    return std::make_unique<SubVariancePreserving>(size, settings, device);
}

std::unique_ptr<Process> make_edm(const ProcessConfig& config, ImageSize size, Device device) {
    EdmSettings settings;
    settings.steps = config.steps.value_or(settings.steps);
    settings.noise_min = config.noise_min.value_or(settings.noise_min);
    settings.noise_max = config.noise_max.value_or(settings.noise_max);
    settings.sigma_data = config.sigma_data;
    settings.rho = config.rho;
    settings.noise_mean = config.noise_mean;
    settings.noise_deviation = config.noise_deviation;
    return std::make_unique<Edm>(size, settings, device);
}

struct Kind {
    const char* name;
    std::unique_ptr<Process> (*make)(const ProcessConfig&, ImageSize, Device);
};
constexpr Kind kinds[] = {{"ddpm", make_ddpm},
                          {"ihdm", make_heat_dissipation},
                          {"hdm", make_heat_diffusion_model},
                          {"blurring", make_blurring_diffusion},
                          {"cold", make_cold_diffusion},
                          {"ve", make_variance_exploding},
                          {"sub-vp", make_sub_vp},
                          {"edm", make_edm}};

} // namespace

std::vector<std::string> process_kinds() {
    std::vector<std::string> names;
    for (const Kind& kind : kinds) names.emplace_back(kind.name);
    return names;
}

std::unique_ptr<Process> make_process(const ProcessConfig& config, ImageSize size, Device device) {
    for (const Kind& kind : kinds)
        if (config.kind == kind.name) return kind.make(config, size, device);
    throw Error(fmt::format("unknown process '{}': expected one of {}", config.kind,
                            fmt::join(process_kinds(), ", ")));
}

} // namespace heat::processes
