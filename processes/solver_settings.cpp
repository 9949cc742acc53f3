#include "processes/solver_settings.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

namespace {

bool is_dpm_solver(DiagonalSolver solver) {
    return solver == DiagonalSolver::dpm_solver || solver == DiagonalSolver::dpm_solver_pp ||
           solver == DiagonalSolver::sde_dpm_solver_pp;
}

bool has_order(DiagonalSolver solver) {
    return is_dpm_solver(solver) || solver == DiagonalSolver::unipc;
}

[[noreturn]] void refuse(const char* option, DiagonalSolver solver, const char* of) {
    throw Error(
        fmt::format("{} belongs to solver {}: {} has none, leave it out", option, of, name_of(solver)));
}

void check_type(const std::string& type, DiagonalSolver solver, const char* first, const char* second) {
    if (type != first && type != second)
        throw Error(fmt::format("solver_type {} of solver {}: expected {} or {}", type, name_of(solver),
                                first, second));
}

void read_multistep_options(const SamplerOptions& options, StepSettings& settings) {
    const DiagonalSolver solver = settings.solver;
    settings.order = options.order.value_or(2);
    const int most = solver == DiagonalSolver::sde_dpm_solver_pp ? 2 : 3;
    if (settings.order < 1 || settings.order > most)
        throw Error(
            fmt::format("order {} of solver {}: expected 1 to {}", settings.order, name_of(solver), most));
    settings.singlestep = options.singlestep.value_or(false);
    if (settings.singlestep && solver != DiagonalSolver::dpm_solver &&
        solver != DiagonalSolver::dpm_solver_pp)
        refuse("singlestep", solver, "dpm-solver or dpm-solver++");
    if (!options.type.empty()) {
        const bool unipc = solver == DiagonalSolver::unipc;
        check_type(options.type, solver, unipc ? "bh2" : "midpoint", unipc ? "bh1" : "heun");
        settings.second_type = options.type == "heun" || options.type == "bh1";
    }
    settings.lower_order_final = options.lower_order_final.value_or(true);
}

} // namespace

bool is_one_step(DiagonalSolver solver) {
    return solver == DiagonalSolver::ancestral || solver == DiagonalSolver::ddim;
}

bool draws_noise(const StepSettings& settings) {
    return settings.solver == DiagonalSolver::ancestral ||
           settings.solver == DiagonalSolver::sde_dpm_solver_pp ||
           (settings.solver == DiagonalSolver::ddim && settings.eta > 0);
}

StepSettings solver_settings(const SampleRequest& request) {
    const SamplerOptions& options = request.options;
    StepSettings settings;
    settings.solver =
        request.solver.empty() ? DiagonalSolver::ancestral : diagonal_solver_from_name(request.solver);
    const DiagonalSolver solver = settings.solver;
    settings.eta = request.eta.value_or(0.0);
    if (solver == DiagonalSolver::ancestral && request.eta)
        throw Error("eta belongs to solver ddim: leave it out, or choose ddim (eta = 1 is ancestral sampling "
                    "with the small "
                    "variance)");
    if (solver != DiagonalSolver::ddim && request.eta)
        throw Error(
            fmt::format("eta belongs to solver ddim: {} has none, leave it out{}", name_of(solver),
                        solver == DiagonalSolver::dpm_solver_pp ? ", or choose sde-dpm-solver++" : ""));
    if (solver == DiagonalSolver::ddim && !request.variance.empty())
        throw Error(
            "variance belongs to solver ancestral: ddim takes eta, 0 (no noise) to 1 (the small variance)");
    if (solver != DiagonalSolver::ancestral && !request.variance.empty())
        refuse("variance", solver, "ancestral");
    if (!(settings.eta >= 0.0 && settings.eta <= 1.0))
        throw Error(fmt::format("eta = {}: expected 0 to 1", settings.eta));
    settings.clipped_noise = options.clipped_noise.value_or(false);
    if (settings.clipped_noise && solver != DiagonalSolver::ddim) refuse("clipped_noise", solver, "ddim");
    constexpr const char* multistep = "dpm-solver, dpm-solver++, sde-dpm-solver++ or unipc";
    if (has_order(solver)) {
        read_multistep_options(options, settings);
    } else {
        if (options.order) refuse("order", solver, multistep);
        if (options.singlestep.value_or(false)) refuse("singlestep", solver, "dpm-solver or dpm-solver++");
        if (!options.type.empty()) refuse("solver_type", solver, multistep);
        if (options.lower_order_final) refuse("lower_order_final", solver, multistep);
    }
    if (const std::string& end = options.final_sigma; !end.empty()) {
        if (end != "zero" && end != "sigma_min")
            throw Error(fmt::format("final_sigma {}: expected zero or sigma_min", end));
        settings.ends_at_data = end == "zero";
        if (!settings.ends_at_data && is_one_step(solver))
            throw Error(
                fmt::format("final_sigma sigma_min: solver {} ends at data, leave it out", name_of(solver)));
    }
    if (options.threshold) {
        if (!(*options.threshold > 0 && *options.threshold <= 1))
            throw Error(fmt::format("threshold = {}: expected a share of the pixels, above 0 to 1",
                                    *options.threshold));
        if (request.clip && !*request.clip)
            throw Error("threshold limits the estimate of the image: leave out that it is not to be clipped");
        settings.threshold = options.threshold;
    }
    if (options.threshold_limit) {
        if (!options.threshold) throw Error("threshold_limit is that of threshold: set threshold too");
        if (!(*options.threshold_limit >= 1))
            throw Error(fmt::format("threshold_limit = {}: expected at least 1", *options.threshold_limit));
        settings.threshold_limit = *options.threshold_limit;
    }
    return settings;
}

void refuse_solver_options(const SampleRequest& request, const char* solver) {
    if (request.options != SamplerOptions{})
        throw Error(fmt::format("order, solver_type, threshold and their like are options of ancestral, ddim "
                                "and the fast solvers of Markov processes: {} has none, leave them out",
                                solver));
    if (!request.step_noise.empty())
        throw Error(fmt::format("noise of the steps from outside is for ancestral, ddim and the fast solvers "
                                "of Markov processes: {} takes none",
                                solver));
}

} // namespace heat::processes
