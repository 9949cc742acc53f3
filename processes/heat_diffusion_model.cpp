#include "processes/heat_diffusion_model.h"

#include "kernels/error.h"
#include "processes/ddpm.h"
#include "processes/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

const char* name_of(HeatInput input) {
    return input == HeatInput::u ? "u" : input == HeatInput::v ? "v" : "normalised";
}

HeatInput heat_input_from_name(const std::string& name) {
    for (const auto value : {HeatInput::u, HeatInput::v, HeatInput::normalised})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown input '{}': expected u, v or normalised", name));
}

namespace {

/// DDPM's tables with the data blurred: level 0 is u_0 itself, so that the step to it undoes A^N.
DiagonalTables blurred_tables(const DiagonalTables& ddpm, const std::vector<double>& log_eigenvalues) {
    const int levels = ddpm.levels(), width = int(log_eigenvalues.size());
    std::vector<double> log_a, log_s;
    for (int n = 0; n <= levels; ++n)
        for (int p = 0; p < width; ++p) {
            log_a.push_back(ddpm.log_a(n, 0) + (n > 0 ? levels * log_eigenvalues[size_t(p)] : 0.0));
            log_s.push_back(ddpm.log_s(n, 0));
        }
    return DiagonalTables(levels, width, std::move(log_a), std::move(log_s));
}

std::vector<double> input_gains(HeatInput input, const DiagonalTables& tables,
                                const std::vector<double>& log_eigenvalues) {
    if (input == HeatInput::v) return {};
    std::vector<double> gains(log_eigenvalues.size(), 1.0);
    for (int n = 1; n <= tables.levels(); ++n)
        for (int p = 0; p < tables.width(); ++p)
            gains.push_back(input == HeatInput::normalised
                                ? 1.0 / tables.norm(n, p)
                                : std::exp((n - tables.levels()) * log_eigenvalues[size_t(p)]));
    return gains;
}

DiagonalModel model_of(const HeatDiffusionSettings& settings, const Conditioning& conditioning) {
    const DiagonalTables ddpm = variance_preserving_tables(log_alpha_bars(settings.betas));
    const bool pixels = settings.scheme.k == 0; // A = I
    DiagonalTables tables = pixels ? ddpm : blurred_tables(ddpm, conditioning.log_eigenvalues);
    const auto width = size_t(tables.width());
    DiagonalModel model{pixels ? Basis::pixel : basis_of(settings.scheme.boundary), std::move(tables),
                        std::vector<double>(width, 1.0)};
    model.prediction = settings.prediction;
    model.variance = settings.variance;
    if (!pixels) model.input_gains = input_gains(settings.input, model.tables, conditioning.log_eigenvalues);
    return model;
}

} // namespace

HeatDiffusionModel::HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings, Device device)
    : HeatDiffusionModel(size, settings,
                         condition_heat(settings.scheme, int(settings.betas.size()) - 1, settings.gain_floor,
                                        settings.condition_limit, size.height, size.width),
                         device) {}

HeatDiffusionModel::HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings,
                                       Conditioning conditioning, Device device)
    : DiagonalProcess(size, model_of(settings, conditioning), device), settings_(settings),
      conditioning_(std::move(conditioning)) {}

std::vector<ReportEntry> HeatDiffusionModel::report() const {
    const DiagonalTables& levels = model().tables;
    const auto [low, high] =
        std::minmax_element(conditioning_.log_eigenvalues.begin(), conditioning_.log_eigenvalues.end());
    double last_gain = 0;
    for (int p = 0; p < levels.width(); ++p)
        last_gain = std::max(last_gain, std::exp(levels.log_s(1, p) - levels.log_a(1, p)));
    const double heat = settings_.scheme.k * steps();
    std::vector<ReportEntry> entries = DiagonalProcess::report();
    append(entries,
           {{"alpha_bar_last", std::exp(log_alpha_bars(settings_.betas).back()),
             "ᾱ_N: the share of the blurred data's variance left at level N"},
            {"heat", heat, "N·K"},
            {"blur_sigma_last_pixels", std::sqrt(2 * heat), "width of the blur A^N, about √(2NK)"},
            {"eigenvalue_smallest", std::exp(*low), "the smallest eigenvalue λ of A"},
            {"eigenvalue_largest", std::exp(*high), "the largest eigenvalue λ of A"},
            {"modes_lost", double(conditioning_.modes_lost), "modes of which A^N leaves less than 1e-3"},
            {"modes_floored", double(conditioning_.modes_floored),
             "modes whose λ is that of process.gain_floor"},
            {"last_step_error_gain", last_gain, "s_1/a_1: the last step multiplies an error of ε̂ by this"}});
    return entries;
}

std::vector<TableColumn> HeatDiffusionModel::tables() const {
    std::vector<TableColumn> columns = noise_columns(settings_.betas);
    TableColumn gain{"log10_smallest_gain", {}};
    const double low =
        *std::min_element(conditioning_.log_eigenvalues.begin(), conditioning_.log_eigenvalues.end());
    for (int n = 0; n <= steps(); ++n) gain.values.push_back(n * low / std::log(10.0));
    columns.push_back(std::move(gain));
    return columns;
}

} // namespace heat::processes
