#include "processes/diagonal_process.h"

#include "kernels/error.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/learned_variance.h"
#include "processes/predictor_corrector.h"
#include "processes/probability_flow.h"
#include "processes/solver.h"
#include "processes/solver_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace heat::processes {

namespace {
void check_model(const DiagonalModel& model, ImageSize size) {
    const DiagonalTables& tables = model.tables;
    if (tables.width() != 1 && (model.basis == Basis::pixel || tables.width() != size.points()))
        throw Error(
            fmt::format("tables of {} eigenvalues do not fit the {} basis of {}×{} images: expected 1{}",
                        tables.width(), name_of(model.basis), size.height, size.width,
                        model.basis == Basis::pixel ? "" : fmt::format(" or {}", size.points())));
    if (int(model.prior_deviations.size()) != tables.width())
        throw Error(fmt::format("prior of {} eigenvalues beside tables of {}", model.prior_deviations.size(),
                                tables.width()));
    if (!is_markov(tables))
        throw Error(
            "tables of no Markov chain: every level above 0 needs noise, and the signal-to-noise ratio of an "
            "eigenvalue must not rise with the level");
    if (!model.input_gains.empty() &&
        model.input_gains.size() != size_t(tables.levels() + 1) * size_t(tables.width()))
        throw Error(fmt::format("input gains: expected {} levels of {}, got {} values", tables.levels() + 1,
                                tables.width(), model.input_gains.size()));
    for (size_t p = 0; p < std::min(model.input_gains.size(), size_t(tables.width())); ++p)
        if (model.input_gains[p] != 1.0)
            throw Error(fmt::format("input gains: expected 1 at level 0, got {}", model.input_gains[p]));
    if (model.view && (model.basis != Basis::pixel || model.prediction != Prediction::epsilon))
        throw Error(fmt::format(
            "an operator on pixels takes the pixel basis and prediction epsilon, not the {} basis "
            "and {}",
            name_of(model.basis), name_of(model.prediction)));
    if (model.variance == Variance::learned && (model.basis != Basis::pixel || model.view))
        throw Error("variance learned is one of pixels: a process in another basis takes small or large");
    if (tables.ends_in_noise() && model.prediction == Prediction::epsilon)
        throw Error(
            "zero_terminal_snr leaves nothing of the image at the last level, where no ε̂ gives û_0: set "
            "process.prediction = v or x0");
    if (model.view && model.loss_weight.kind == LossWeightKind::vlb)
        throw Error(
            "process.loss_weight = vlb does not know an operator on pixels: choose min-snr, p2 or uniform");
    const auto levels = size_t(tables.levels());
    if (!model.level_weights.empty() && model.level_weights.size() != levels)
        throw Error(fmt::format("level weights: expected {}, got {}", levels, model.level_weights.size()));
    if (!model.timesteps.empty() && model.timesteps.size() != levels + 1)
        throw Error(
            fmt::format("timesteps of levels: expected {}, got {}", levels + 1, model.timesteps.size()));
    if (model.continuous && tables.width() != 1)
        throw Error("tables between levels: expected one eigenvalue where they have a formula");
    if (!is_orthonormal(model.basis) && !shares_noise(tables))
        throw Error(fmt::format("the {} basis is not orthonormal: white noise has the covariance of a step "
                                "there only if s_t/a_t differs between eigenvalues by a factor that no level "
                                "changes; choose the DCT-II or the DST-I",
                                name_of(model.basis)));
}

/// A table in device memory of `value` over levels and eigenvalues.
template <class Value>
Tensor rows_of(const DiagonalTables& tables, Device device, Value value) {
    std::vector<float> rows;
    for (int t = 0; t <= tables.levels(); ++t)
        for (int p = 0; p < tables.width(); ++p) rows.push_back(float(value(t, p)));
    return upload_table(rows, tables.width(), device);
}
} // namespace

DiagonalProcess::DiagonalProcess(ImageSize size, DiagonalModel model, Device device)
    : Process(size, model.tables.levels(), device), model_(std::move(model)) {
    check_model(model_, size);
    const DiagonalTables& tables = model_.tables;
    const auto gain = [&](int t, int p) {
        return model_.input_gains.empty()
                   ? 1.0
                   : model_.input_gains[size_t(t) * size_t(tables.width()) + size_t(p)];
    };
    input_clean_ = rows_of(tables, device, [&](int t, int p) { return gain(t, p) * tables.a(t, p); });
    input_noise_ = rows_of(tables, device, [&](int t, int p) { return gain(t, p) * tables.s(t, p); });
    const std::vector<double> weights =
        loss_weights(tables, model_.prediction, model_.variance, model_.loss_weight);
    if (model_.variance == Variance::learned)
        hybrid_table_ = hybrid_table(hybrid_levels(tables, model_.prediction, weights), device);
    else if (model_.loss_weight.kind != LossWeightKind::uniform)
        loss_weights_ = upload_table(std::vector<float>(weights.begin(), weights.end()), 1, device);
    draw_by(model_.level_weights, model_.timesteps);
    if (model_.prediction != Prediction::v) return;
    target_clean_ =
        rows_of(tables, device, [&](int t, int p) { return -tables.s(t, p) / tables.norm(t, p); });
    target_noise_ = rows_of(tables, device, [&](int t, int p) { return tables.a(t, p) / tables.norm(t, p); });
}

TrainingBatch DiagonalProcess::training_batch(const Tensor& images, const RandomState& random,
                                              uint32_t image_offset) const {
    TrainingBatch batch = draw_levels(images, random, image_offset);
    const int32_t* rows = batch.levels.data<int32_t>();

    const Tensor clean = model_.view ? model_.view->state_of(images) : images;
    const Tensor noise = normal(random, images.shape(), Purpose::training_noise, image_offset);
    // Where noise is white in the basis, it is drawn there.
    const bool orthonormal = is_orthonormal(model_.basis);
    basis_step(model_.basis, {{clean, input_clean_, true}, {noise, input_noise_, !orthonormal}}, rows,
               nullptr, {{&batch.input, {}}});
    if (model_.view) {
        const Tensor levels = batch.levels.to(Device::cpu);
        batch.input = model_.view->seen(batch.input, {levels.data<int32_t>(), size_t(levels.count())});
    }
    switch (model_.prediction) {
    case Prediction::epsilon:
        batch.target = orthonormal ? from_basis(model_.basis, noise) : noise;
        break;
    case Prediction::x0:
        batch.target = images;
        break;
    case Prediction::v:
        basis_step(model_.basis, {{noise, target_noise_, !orthonormal}, {clean, target_clean_, true}}, rows,
                   nullptr, {{&batch.target, {}}});
    }
    if (loss_weights_.defined()) batch.weight = weighted_by_level(batch.weight, loss_weights_, batch.levels);
    if (hybrid_table_.defined())
        batch.hybrid = {batch.target, images, batch.levels, hybrid_table_, float(bound_share(steps()))};
    batch.scale = 1.f / float(images.count());
    return batch;
}

SamplingPath DiagonalProcess::sampling_path(const SampleRequest& request) const {
    const StepSettings settings = step_settings(request);
    const bool sigma_rule =
        settings.solver == DiagonalSolver::euler || settings.solver == DiagonalSolver::heun;
    PathRequest path;
    path.style = is_one_step(settings.solver) ? PathStyle::integer
                 : sigma_rule                 ? PathStyle::fractional
                                              : PathStyle::multistep;
    path.spacing = !request.spacing.empty()           ? request.spacing
                   : path.style == PathStyle::integer ? default_spacing(request.steps)
                                                      : "linspace";
    path.steps = request.steps;
    path.ends_at_data = settings.ends_at_data;
    path.timestep_of_level = [this](int level) { return timestep_of_level(level); };
    if (model_.tables.ends_in_noise() && (path.spacing == "karras" || path.spacing == "log-snr"))
        throw Error(
            fmt::format("spacing {} takes its places from s/a, which is infinite at the last level of "
                        "zero_terminal_snr: choose trailing",
                        path.spacing));
    if (request.initial.defined()) path.from = request.initial.level(steps());
    SamplingPath visited = processes::sampling_path(model_.tables, model_.input_gains, path);
    if (!request.initial.defined())
        expect_start(visited.levels[size_t(visited.last)], path.spacing, request.steps);
    if (visited.tables.ends_in_noise() && !is_one_step(settings.solver))
        throw Error(
            fmt::format("solver {} divides by a, which is 0 at the last level of zero_terminal_snr: choose "
                        "ancestral or ddim, or spacing leading in fewer steps",
                        name_of(settings.solver)));
    if (model_.view)
        for (const double level : visited.levels)
            if (level != std::nearbyint(level))
                throw Error(
                    fmt::format("spacing {} visits levels between the process's, of which an operator on "
                                "pixels has none: choose leading or trailing",
                                path.spacing));
    return visited;
}

void DiagonalProcess::add_loss_weight(std::vector<TableColumn>& columns) const {
    if (model_.loss_weight.kind != LossWeightKind::uniform)
        columns.push_back({"loss_weight", loss_weights(model_.tables, model_.prediction, model_.variance,
                                                       model_.loss_weight)});
}

StepSettings DiagonalProcess::step_settings(const SampleRequest& request) const {
    StepSettings settings = solver_settings(request);
    settings.prediction = model_.prediction;
    settings.variance = request.variance.empty() ? model_.variance : variance_from_name(request.variance);
    if (settings.variance == Variance::learned && model_.variance != Variance::learned)
        throw Error(
            "variance learned is of networks that predict it: this one does not, choose small or large");
    settings.clip = settings.threshold || request.clip.value_or(model_.clip);
    if (!settings.ends_at_data && (model_.basis != Basis::pixel || model_.view))
        throw Error(
            "final_sigma sigma_min ends at level 1, which is no image where the process blurs: choose zero");
    return settings;
}

std::vector<ReportEntry> DiagonalProcess::report() const {
    return report_of(model_.tables);
}

std::vector<ReportEntry> DiagonalProcess::report_of(const DiagonalTables& tables) const {
    const std::vector<double>& deviations = model_.prior_deviations;
    const int last = tables.levels(), width = tables.width();
    double divergence = 0, least_log_a = 0, most_log_a = -std::numeric_limits<double>::infinity();
    double error_gain = 0, highest_snr = most_log_a, lowest_snr = -most_log_a;
    int lost = 0;
    for (int p = 0; p < width; ++p) {
        const double a = tables.a(last, p), s = tables.s(last, p);
        const double d = deviations[deviations.size() == 1 ? 0 : size_t(p)];
        divergence += (0.5 * ((a * a + s * s) / (d * d) - 1.0) + std::log(d) - tables.log_s(last, p)) / width;
        least_log_a = std::min(least_log_a, tables.log_a(last, p));
        most_log_a = std::max(most_log_a, tables.log_a(last, p));
        error_gain = std::max(error_gain, std::exp(tables.log_s(last, p) - tables.log_a(last, p)));
        highest_snr = std::max(highest_snr, tables.log_snr(1, p));
        lowest_snr = std::min(lowest_snr, tables.log_snr(last, p));
        lost += float(a) == 0.f;
    }
    const double decade = std::log(10.0);
    std::vector<ReportEntry> entries{
        {"levels", double(last), "N, the levels above data"},
        {"terminal_kl_nats_per_dimension", divergence,
         "KL of q(u_N|u_0) from the prior for data of unit second moment"},
        {"log10_condition", most_log_a > least_log_a ? (most_log_a - least_log_a) / decade : 0.0,
         "log10 of the largest over the smallest a_N: what undoing the operator would multiply errors by"},
        {"log10_snr_first", highest_snr / decade, "log10 a²/s² at level 1, the highest over the eigenvalues"},
        {"log10_snr_last", lowest_snr / decade, "log10 a²/s² at level N, the lowest over the eigenvalues"},
        {"clean_error_gain", error_gain, "s_N/a_N: an error of ε̂ at level N is multiplied by this in û_0"},
        {"modes_lost_in_float32", double(lost), "eigenvalues with a_N = 0 in float32"},
    };
    append(entries, cost_report(diagonal_step_cost(*this, step_settings({}))));
    return entries;
}

std::vector<std::string> DiagonalProcess::solvers() const {
    std::vector<std::string> names = diagonal_solver_names();
    names.insert(names.end(), {"predictor-corrector", "ode"});
    return names;
}

std::string DiagonalProcess::default_spacing(int steps) const {
    if (!model_.starts_at_last_level) return "leading";
    return steps > 1 ? "linspace" : "trailing";
}

void DiagonalProcess::expect_start(double level, const std::string& spacing, int steps) const {
    if (!model_.starts_at_last_level || level == this->steps()) return;
    throw Error(fmt::format("spacing {} of {} steps begins at level {:g}, where the noise is {:.3g} and not "
                            "the prior's {:.3g}: choose trailing",
                            spacing, steps, level, model_.tables.s(int(level), 0),
                            model_.prior_deviations.front()));
}

SampleRequest DiagonalProcess::spaced(const SampleRequest& request) const {
    SampleRequest filled = request;
    if (filled.spacing.empty()) filled.spacing = default_spacing(request.steps);
    expect_start(sampling_levels(filled.spacing, steps(), request.steps).front(), filled.spacing,
                 request.steps);
    return filled;
}

void DiagonalProcess::check_step_noise(const SampleRequest& request) const {
    if (request.step_noise.empty()) return;
    const StepSettings settings = step_settings(request);
    if (!draws_noise(settings))
        throw Error(fmt::format("solver {} draws no noise{}: leave the steps' noise out",
                                name_of(settings.solver),
                                settings.solver == DiagonalSolver::ddim ? " with eta = 0" : ""));
    const auto given = int(request.step_noise.size());
    if (given != request.steps && given != request.steps - 1)
        throw Error(fmt::format("noise of {} steps: expected that of {}, or of all but the last", given,
                                request.steps));
    for (const Tensor& noise : request.step_noise)
        if (noise.shape() != batch_shape(request.count) || noise.dtype() != Dtype::f32)
            throw Error(fmt::format("noise of a step: expected f32 {}, got {} {}",
                                    batch_shape(request.count).text(), heat::name_of(noise.dtype()),
                                    noise.shape().text()));
}

void DiagonalProcess::check_images(const SampleRequest& request, const SamplingPath& path) const {
    const StepSettings settings = step_settings(request);
    const std::string solver = fmt::format("solver {}", name_of(settings.solver));
    if (model_.basis != Basis::pixel || model_.view)
        refuse_inpainting(request, fmt::format("process {}", name()).c_str());
    if (!is_one_step(settings.solver)) refuse_inpainting(request, solver.c_str());
    const Inpainting& inpainting = request.inpainting;
    if (inpainting.defined() && inpainting.resamples > 1 && inpainting.jump >= path.last)
        throw Error(fmt::format("jump = {} of a path of {} steps: expected 1 to {}", inpainting.jump,
                                path.last, path.last - 1));
    // The step into data draws nothing.
    const int node = settings.ends_at_data ? 2 : 1;
    check_step_seeds(request, draws_noise(settings) && path.last >= node,
                     path.levels[size_t(std::min(node, path.last))], steps(), solver.c_str());
}

void DiagonalProcess::check_solver(const SampleRequest& request) const {
    if (request.solver == "ode" || request.solver == "predictor-corrector") {
        refuse_solver_options(request, request.solver.c_str());
        refuse_image_options(request, request.solver.c_str());
    }
    if (request.solver == "ode") return check_ode(*this, request);
    if (request.solver == "predictor-corrector") return check_predictor_corrector(*this, spaced(request));
    check_images(request, sampling_path(request));
    check_step_noise(request);
}

Tensor DiagonalProcess::run_solver(Denoiser& denoiser, const SampleRequest& request,
                                   const SampleCallback& callback) const {
    if (request.solver == "ode") return solve_probability_flow(*this, denoiser, request, callback);
    if (request.solver == "predictor-corrector")
        return predict_and_correct(*this, denoiser, spaced(request), callback);
    return solve_diagonal(*this, denoiser, request, callback);
}

} // namespace heat::processes
