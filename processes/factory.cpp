#include "processes/factory.h"

#include "kernels/error.h"
#include "processes/ddpm.h"
#include "processes/heat_dissipation.h"
#include "processes/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace heat::processes {

namespace {

std::unique_ptr<Process> make_ddpm(const ProcessConfig& config, ImageSize size, Device device) {
    return std::make_unique<Ddpm>(
        size,
        betas_from_name(config.schedule, config.steps.value_or(1000), config.beta_start, config.beta_end),
        prediction_from_name(config.prediction), variance_from_name(config.variance), device);
}

std::unique_ptr<Process> make_heat_dissipation(const ProcessConfig& config, ImageSize size, Device device) {
    HeatDissipationSettings settings;
    settings.steps = config.steps.value_or(200);
    settings.sigma_min = config.sigma_min;
    settings.sigma_max = config.sigma_max.value_or(std::max(size.height, size.width) / 2.0);
    settings.sigma = config.sigma;
    settings.delta = config.delta.value_or(1.25 * config.sigma);
    return std::make_unique<HeatDissipation>(size, settings, device);
}

struct Kind {
    const char* name;
    std::unique_ptr<Process> (*make)(const ProcessConfig&, ImageSize, Device);
};
constexpr Kind kinds[] = {{"ddpm", make_ddpm}, {"ihdm", make_heat_dissipation}};

} // namespace

std::vector<std::string> process_kinds() {
    std::vector<std::string> names;
    for (const Kind& kind : kinds) names.emplace_back(kind.name);
    return names;
}

std::unique_ptr<Process> make_process(const ProcessConfig& config, ImageSize size, Device device) {
    for (const Kind& kind : kinds)
        if (config.kind == kind.name) return kind.make(config, size, device);
    throw Error(
        fmt::format("unknown process '{}': expected {}", config.kind, fmt::join(process_kinds(), " or ")));
}

} // namespace heat::processes
