#include "processes/solver_plan.h"

#include "kernels/error.h"
#include "processes/plan_writer.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

void Combination::set(int stage, Register r, int p, double coefficient, double level) {
    const auto value = float(coefficient);
    if (!std::isfinite(value))
        throw Error(fmt::format(
            "sampling from level {}: the coefficient {} does not fit f32; the image is beyond "
            "recovery there (sample without clipping and without the û_0 view, or choose a milder "
            "schedule)",
            level, coefficient));
    std::vector<float>& rows = rows_[size_t(r)];
    if (value == 0.f && rows.empty()) return;
    if (rows.empty()) {
        rows.resize(size_t(stages_) * size_t(width_));
        used_[size_t(r)].resize(size_t(stages_));
    }
    rows[size_t(stage) * size_t(width_) + size_t(p)] = value;
    if (value != 0.f) used_[size_t(r)][size_t(stage)] = true;
}

void Combination::add(int stage, Register r, int p, double coefficient, double level) {
    if (coefficient != 0.0) set(stage, r, p, at(stage, r, p) + coefficient, level);
}

double Combination::at(int stage, Register r, int p) const {
    const std::vector<float>& rows = rows_[size_t(r)];
    return rows.empty() ? 0.0 : double(rows[size_t(stage) * size_t(width_) + size_t(p)]);
}

bool Combination::uses(int stage, Register r) const {
    return !used_[size_t(r)].empty() && used_[size_t(r)][size_t(stage)];
}

void Combination::use_everywhere(Register r) {
    std::vector<bool>& used = used_[size_t(r)];
    used.assign(used.size(), true);
}

bool Combination::empty(int stage) const {
    for (int r = 0; r < register_count; ++r)
        if (uses(stage, Register(r))) return false;
    return true;
}

void SolverPlan::set_estimate(int stage, int t, const SamplingPath& path, Prediction what, int p) {
    const CleanCoefficients c = clean_coefficients(path.tables, what, t, p);
    const double level = path.levels[size_t(t)];
    estimate.set(stage, Register::state, p, c.state, level);
    estimate.set(stage, Register::output, p, c.output, level);
}

namespace {

/// Ancestral sampling and DDIM: each step by its four coefficients.
SolverPlan one_step_plan(const SamplingPath& path, const StepSettings& settings,
                         const std::vector<int>& nodes, bool with_estimate) {
    const auto steps = int(nodes.size());
    SolverPlan plan(steps, path.tables.width());
    plan.estimated = settings.clip || with_estimate;
    for (int i = 0; i < steps; ++i) {
        const int t = nodes[size_t(i)];
        const double level = path.levels[size_t(t)];
        SolverPlan::Stage stage{t, false};
        for (int p = 0; p < path.tables.width(); ++p) {
            const StepCoefficients step = step_coefficients(path.tables, settings, t - 1, t, p);
            plan.update.set(i, Register::state, p, step.state, level);
            plan.update.set(i, Register::output, p, step.output, level);
            plan.update.set(i, Register::clean, p, step.clean, level);
            plan.update.set(i, Register::noise, p, step.noise, level);
            stage.noise = stage.noise || step.noise != 0.0;
            if (plan.estimated) plan.set_estimate(i, t, path, settings.prediction, p);
        }
        plan.stages.push_back(stage);
    }
    return plan;
}

std::vector<int> all_nodes(const SamplingPath& path) {
    std::vector<int> nodes;
    for (int node = path.last; node > 0; --node) nodes.push_back(node);
    return nodes;
}

SolverPlan plan_of_solver(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    switch (settings.solver) {
    case DiagonalSolver::ancestral:
    case DiagonalSolver::ddim:
        return one_step_plan(path, settings, all_nodes(path), with_estimate);
    case DiagonalSolver::dpm_solver:
    case DiagonalSolver::dpm_solver_pp:
    case DiagonalSolver::sde_dpm_solver_pp:
        return dpm_solver_plan(path, settings, with_estimate);
    case DiagonalSolver::unipc:
        return unipc_plan(path, settings, with_estimate);
    case DiagonalSolver::euler:
        return euler_plan(path, settings, with_estimate);
    case DiagonalSolver::heun:
        return heun_plan(path, settings, with_estimate);
    }
    throw Error("make_plan: no such solver");
}

SolverPlan of_one_shape(SolverPlan plan) {
    if (plan.predictions == 0)
        for (const Register r : {Register::state, Register::output, Register::clean})
            plan.update.use_everywhere(r);
    return plan;
}

} // namespace

SolverPlan make_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    return of_one_shape(plan_of_solver(path, settings, with_estimate));
}

SolverPlan make_one_step_plan(const SamplingPath& path, const StepSettings& settings,
                              const std::vector<int>& nodes, bool with_estimate) {
    return of_one_shape(one_step_plan(path, settings, nodes, with_estimate));
}

int network_calls(const StepSettings& settings, int steps) {
    return settings.solver != DiagonalSolver::heun ? steps
           : settings.ends_at_data                 ? 2 * steps - 1
                                                   : 2 * steps;
}

} // namespace heat::processes
