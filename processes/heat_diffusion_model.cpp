#include "processes/heat_diffusion_model.h"

#include "kernels/error.h"
#include "processes/ddpm.h"
#include "processes/heat_view.h"
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

const char* name_of(HeatOperator kind) {
    return kind == HeatOperator::heat ? "heat" : "random";
}

HeatOperator heat_operator_from_name(const std::string& name) {
    for (const auto value : {HeatOperator::heat, HeatOperator::random})
        if (name == name_of(value)) return value;
    throw Error(fmt::format("unknown operator '{}': expected heat or random", name));
}

struct HeatDiffusionModel::Spectrum {
    std::vector<double> laplacian;
    Conditioning conditioning;
    std::shared_ptr<const RandomOperator> random; ///< of the random operator
};

namespace {

int steps_of(const HeatDiffusionSettings& settings) {
    return int(settings.betas.size()) - 1;
}

/// Throws Error for what only the eigenbasis has.
void check_solver_settings(const HeatDiffusionSettings& settings) {
    if (settings.kind == HeatOperator::random && settings.solver != SolverMethod::dense)
        throw Error(fmt::format("hdm's random operator is dense: set process.solver = dense, not {}",
                                name_of(settings.solver)));
    if (settings.solver == SolverMethod::spectral) return;
    if (settings.input == HeatInput::normalised)
        throw Error(fmt::format("hdm's input normalised needs the eigenbasis of solver spectral: with {} set "
                                "process.input = u or v",
                                name_of(settings.solver)));
    if (settings.prediction != Prediction::epsilon)
        throw Error(
            fmt::format("hdm with solver {} takes prediction epsilon, not {}: spectral takes all of them",
                        name_of(settings.solver), name_of(settings.prediction)));
    if (settings.gain_floor > 0 && settings.kind == HeatOperator::heat)
        throw Error(fmt::format("hdm's gain_floor is one of eigenvalues: solver {} has none, choose spectral",
                                name_of(settings.solver)));
}

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

std::shared_ptr<const StateView> view_of(ImageSize size, const HeatDiffusionSettings& settings,
                                         const Conditioning& conditioning,
                                         const std::shared_ptr<const RandomOperator>& random) {
    const bool sees_v = settings.input == HeatInput::v;
    if (random)
        return std::make_shared<RandomHeatView>(random, conditioning.log_eigenvalues, steps_of(settings),
                                                sees_v);
    return std::make_shared<SolverHeatView>(
        make_operator_solver(settings.solver, settings.scheme, size.height, size.width), steps_of(settings),
        sees_v);
}

DiagonalModel model_of(ImageSize size, const HeatDiffusionSettings& settings,
                       const Conditioning& conditioning,
                       const std::shared_ptr<const RandomOperator>& random) {
    const DiagonalTables ddpm = variance_preserving_tables(log_alpha_bars(settings.betas));
    const bool still = settings.scheme.k == 0; // A = I
    const bool spectral = settings.solver == SolverMethod::spectral;
    const bool pixels = still || !spectral;
    DiagonalTables tables = pixels ? ddpm : blurred_tables(ddpm, conditioning.log_eigenvalues);
    const auto width = size_t(tables.width());
    DiagonalModel model{pixels ? Basis::pixel : basis_of(settings.scheme.boundary), std::move(tables),
                        std::vector<double>(width, 1.0)};
    model.prediction = settings.prediction;
    model.variance = settings.variance;
    model.loss_weight = settings.loss_weight;
    if (!pixels) model.input_gains = input_gains(settings.input, model.tables, conditioning.log_eigenvalues);
    if (!still && !spectral) {
        model.view = view_of(size, settings, conditioning, random);
        model.clip = false; // û_0 would take the heat of all steps, there and back, in each step
    }
    return model;
}

} // namespace

HeatDiffusionModel::HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings, Device device)
    : HeatDiffusionModel(size, settings, spectrum_of(size, settings), device) {}

HeatDiffusionModel::Spectrum HeatDiffusionModel::spectrum_of(ImageSize size,
                                                             const HeatDiffusionSettings& settings) {
    check_solver_settings(settings);
    Spectrum spectrum;
    if (settings.kind == HeatOperator::random) {
        spectrum.random = std::make_shared<RandomOperator>(size.height, size.width);
        spectrum.laplacian = spectrum.random->eigenvalues();
    } else {
        spectrum.laplacian =
            discrete_eigenvalues(basis_of(settings.scheme.boundary), size.height, size.width);
    }
    spectrum.conditioning = condition_heat(settings.scheme, steps_of(settings), settings.gain_floor,
                                           settings.condition_limit, spectrum.laplacian);
    return spectrum;
}

HeatDiffusionModel::HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings,
                                       const Spectrum& spectrum, Device device)
    : DiagonalProcess(size, model_of(size, settings, spectrum.conditioning, spectrum.random), device),
      settings_(settings), conditioning_(spectrum.conditioning) {
    if (model().view && device != Device::cpu)
        throw Error(fmt::format(
            "hdm's solver {} computes on the CPU: choose --device cpu or process.solver = spectral",
            name_of(settings.solver)));
}

std::vector<ReportEntry> HeatDiffusionModel::report() const {
    const auto [low, high] =
        std::minmax_element(conditioning_.log_eigenvalues.begin(), conditioning_.log_eigenvalues.end());
    const DiagonalTables ddpm = variance_preserving_tables(log_alpha_bars(settings_.betas));
    const double last_gain = std::exp(ddpm.log_s(1, 0) - ddpm.log_a(1, 0) - steps() * *low);
    const double heat = settings_.scheme.k * steps();
    // Behind a view the tables are those of v_n, without A^N.
    std::vector<ReportEntry> entries = model().view
                                           ? report_of(blurred_tables(ddpm, conditioning_.log_eigenvalues))
                                           : DiagonalProcess::report();
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
    add_loss_weight(columns);
    return columns;
}

} // namespace heat::processes
