#include "tools/operator.h"

#include "tools/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace heat::tools {

void OperatorChoice::add_options(CLI::App& command, bool kind_required) {
    CLI::Option* kind =
        command.add_option("--kind", kind_, "The operator")->type_name("{heat,crank-nicolson,blur}");
    if (kind_required) kind->required();
    command.add_option("--t", t_, "heat: time, in pixels squared")->type_name("FLOAT");
    command
        .add_option("--reading", reading_,
                    "heat: differences of pixels (default), or IHDM's continuous space")
        ->type_name("{discrete,continuous}");
    command.add_option("--sigma", sigma_, "blur: width in pixels; heat of t = sigma^2/2 in continuous space")
        ->type_name("FLOAT");
    command.add_option("--K", k_, "crank-nicolson: heat of a step")->type_name("FLOAT");
    command.add_option("--theta", theta_, "crank-nicolson: 1 explicit, 0 implicit; 0.5")->type_name("FLOAT");
    command.add_option("--power", power_, "crank-nicolson: how many steps, negative to undo them; 1")
        ->type_name("INT");
    command.add_option("--boundary", boundary_, "heat, crank-nicolson: what is outside the image; adiabatic")
        ->type_name("{adiabatic,half-sample,fixed}");
}

void OperatorChoice::check() const {
    if (kind_ != "heat" && kind_ != "crank-nicolson" && kind_ != "blur")
        throw CLI::ValidationError(
            "--kind", kind_.empty()
                          ? "expected heat, crank-nicolson or blur"
                          : fmt::format("unknown kind {}: expected heat, crank-nicolson or blur", kind_));
    const struct {
        const char* name;
        bool given;
        std::vector<std::string> kinds;
    } options[] = {{"--t", t_.has_value(), {"heat"}},
                   {"--reading", !reading_.empty(), {"heat"}},
                   {"--sigma", sigma_.has_value(), {"blur"}},
                   {"--K", k_.has_value(), {"crank-nicolson"}},
                   {"--theta", theta_.has_value(), {"crank-nicolson"}},
                   {"--power", power_.has_value(), {"crank-nicolson"}},
                   {"--boundary", !boundary_.empty(), {"heat", "crank-nicolson"}}};
    for (const auto& option : options)
        if (option.given && std::find(option.kinds.begin(), option.kinds.end(), kind_) == option.kinds.end())
            throw CLI::ValidationError(option.name, fmt::format("belongs to {}, not to {}",
                                                                fmt::join(option.kinds, " and "), kind_));
    if (kind_ == "heat" && !t_) throw CLI::ValidationError("--t", "heat needs a time");
    if (kind_ == "blur" && !sigma_) throw CLI::ValidationError("--sigma", "blur needs a width");
    if (kind_ == "crank-nicolson" && !k_)
        throw CLI::ValidationError("--K", "crank-nicolson needs the heat of a step");
}

processes::Boundary OperatorChoice::boundary() const {
    if (!boundary_.empty()) return processes::boundary_from_name(boundary_);
    return kind_ == "blur" || reading_ == "continuous" ? processes::Boundary::half_sample
                                                       : processes::Boundary::adiabatic;
}

processes::HeatScheme OperatorChoice::scheme() const {
    return {k_.value_or(0), theta_.value_or(0.5), boundary()};
}

std::vector<double> OperatorChoice::gains(int height, int width) const {
    if (kind_ == "blur") return processes::blur_gains(*sigma_, height, width);
    if (kind_ == "heat") return processes::heat_gains(boundary(), reading(), *t_, height, width);
    const auto solver =
        processes::make_operator_solver(processes::SolverMethod::spectral, scheme(), height, width);
    std::vector<double> gains;
    for (const double value : solver->eigenvalues()) gains.push_back(std::pow(value, power()));
    return gains;
}

double OperatorChoice::log10_condition(int height, int width) const {
    if (has_solver())
        return processes::make_operator_solver(processes::SolverMethod::spectral, scheme(), height, width)
                   ->log_condition(power()) /
               std::log(10.0);
    // Logarithms of gains are proportional to the time.
    const double time = kind_ == "blur" ? *sigma_ * *sigma_ / 2 : *t_;
    const std::vector<double> once = processes::heat_gains(boundary(), reading(), 1.0, height, width);
    const auto [low, high] = std::minmax_element(once.begin(), once.end());
    return time * std::log10(*high / *low);
}

processes::HeatReading OperatorChoice::reading() const {
    if (kind_ == "blur") return processes::HeatReading::continuous;
    return reading_.empty() ? processes::HeatReading::discrete : processes::heat_reading_from_name(reading_);
}

std::string OperatorChoice::text() const {
    if (kind_ == "blur") return fmt::format("blur, sigma = {} px", *sigma_);
    if (kind_ == "heat")
        return fmt::format("heat, t = {}, {}, {}", *t_, reading_.empty() ? "discrete" : reading_,
                           processes::name_of(boundary()));
    return fmt::format("crank-nicolson, K = {}, theta = {}, {}, power {}", *k_, theta_.value_or(0.5),
                       processes::name_of(boundary()), power());
}

void add_operator_command(CLI::App& app) {
    CLI::App* command = app.add_subcommand(
        "operator", "Heat, Crank-Nicolson and blur operators: apply, look at, and time them");
    command->require_subcommand(1);
    command->footer("Examples:\n"
                    "  engine operator apply --kind blur --sigma 3 --input photo.png --output blurred.png\n"
                    "  engine operator spectrum --kind heat --t 2 --height 64 --width 64\n"
                    "  engine operator bench");
    add_operator_apply_command(*command);
    add_operator_spectrum_command(*command);
    add_operator_bench_command(*command);
}

} // namespace heat::tools
