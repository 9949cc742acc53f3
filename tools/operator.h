#pragma once

#include "processes/operators/heat_semigroup.h"
#include "processes/operators/modes.h"
#include "processes/operators/operator_solver.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>

namespace heat::tools {

// The subcommands of `engine operator` (tools/operator_<name>.cpp).
void add_operator_apply_command(CLI::App& parent);
void add_operator_spectrum_command(CLI::App& parent);
void add_operator_bench_command(CLI::App& parent);

/// An operator as the command line names it. What is left empty takes the kind's default.
class OperatorChoice {
public:
    void add_options(CLI::App& command, bool kind_required);

    bool chosen() const { return !kind_.empty(); }
    const std::string& kind() const { return kind_; }
    /// Throws CLI::ValidationError, a wrong command line, for an unknown kind, an option of another kind, and
    /// one that is missing.
    void check() const;

    processes::HeatScheme scheme() const;
    processes::Boundary boundary() const;
    int power() const { return power_.value_or(1); }
    /// Whether a solver applies it: crank-nicolson; the others are gains in a basis.
    bool has_solver() const { return kind_ == "crank-nicolson"; }
    /// Its gain on each mode of basis_of(boundary()), row-major.
    std::vector<double> gains(int height, int width) const;
    /// log10 of the largest over the smallest gain, also where those leave f64; infinite where one is 0.
    double log10_condition(int height, int width) const;
    /// "crank-nicolson, K = 0.1, theta = 0.5, adiabatic, power 3".
    std::string text() const;

private:
    processes::HeatReading reading() const;

    std::string kind_, reading_, boundary_;
    std::optional<double> t_, sigma_, k_, theta_;
    std::optional<int> power_;
};

} // namespace heat::tools
