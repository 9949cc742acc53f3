#include "processes/diagonal_process.h"

#include "kernels/error.h"
#include "processes/combination.h"
#include "processes/solver.h"

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
    if (model.prediction != Prediction::v) return;
    for (int t = 1; t <= tables.levels(); ++t)
        for (int p = 0; p < tables.width(); ++p) {
            const double a = tables.a(t, p), s = tables.s(t, p);
            if (std::abs(a * a + s * s - 1.0) > 1e-9)
                throw Error(fmt::format(
                    "prediction v needs a² + s² = 1, but level {} has a = {}, s = {}: use epsilon or x0", t,
                    a, s));
        }
}
} // namespace

DiagonalProcess::DiagonalProcess(ImageSize size, DiagonalModel model, Device device)
    : Process(size, model.tables.levels(), device), model_(std::move(model)) {
    check_model(model_, size);
    const int width = model_.tables.width();
    std::vector<float> s = model_.tables.s_rows();
    a_rows_ = upload_table(model_.tables.a_rows(), width, device);
    s_rows_ = upload_table(s, width, device);
    if (model_.prediction != Prediction::v) return;
    for (float& value : s) value = -value;
    minus_s_rows_ = upload_table(s, width, device);
}

TrainingBatch DiagonalProcess::training_batch(const Tensor& images, const RandomState& random,
                                              uint32_t image_offset) const {
    TrainingBatch batch = draw_levels(images, random, image_offset);
    const int32_t* rows = batch.levels.data<int32_t>();

    const Tensor clean = to_basis(model_.basis, images);
    const Tensor white = normal(random, images.shape(), Purpose::training_noise, image_offset);
    const bool orthonormal = is_orthonormal(model_.basis);
    const Tensor noise = orthonormal ? white : to_basis(model_.basis, white);

    Tensor state(images.shape(), Dtype::f32, device());
    combine({{clean, a_rows_}, {noise, s_rows_}}, rows, state);
    batch.input = from_basis(model_.basis, state);
    switch (model_.prediction) {
    case Prediction::epsilon:
        batch.target = orthonormal ? from_basis(model_.basis, noise) : white;
        break;
    case Prediction::x0:
        batch.target = images;
        break;
    case Prediction::v: {
        Tensor target(images.shape(), Dtype::f32, device());
        combine({{noise, a_rows_}, {clean, minus_s_rows_}}, rows, target);
        batch.target = from_basis(model_.basis, target);
    }
    }
    batch.scale = 1.f / float(images.count());
    return batch;
}

StepSettings DiagonalProcess::step_settings(const SampleRequest& request) const {
    StepSettings settings;
    settings.solver =
        request.solver.empty() ? DiagonalSolver::ancestral : diagonal_solver_from_name(request.solver);
    settings.prediction = model_.prediction;
    settings.variance = request.variance.empty() ? model_.variance : variance_from_name(request.variance);
    settings.eta = request.eta.value_or(0.0);
    settings.clip = request.clip.value_or(true);
    if (settings.solver == DiagonalSolver::ancestral && request.eta)
        throw Error("eta belongs to solver ddim: leave it out, or choose ddim (eta = 1 is ancestral sampling "
                    "with the small "
                    "variance)");
    if (settings.solver == DiagonalSolver::ddim && !request.variance.empty())
        throw Error(
            "variance belongs to solver ancestral: ddim takes eta, 0 (no noise) to 1 (the small variance)");
    if (!(settings.eta >= 0.0 && settings.eta <= 1.0))
        throw Error(fmt::format("eta = {}: expected 0 to 1", settings.eta));
    return settings;
}

std::vector<ReportEntry> DiagonalProcess::report() const {
    const DiagonalTables& tables = model_.tables;
    const int last = tables.levels(), width = tables.width();
    double divergence = 0, least_log_a = 0, most_log_a = -std::numeric_limits<double>::infinity();
    double error_gain = 0, highest_snr = most_log_a, lowest_snr = -most_log_a;
    int lost = 0;
    for (int p = 0; p < width; ++p) {
        const double a = tables.a(last, p), s = tables.s(last, p), d = model_.prior_deviations[size_t(p)];
        divergence += (0.5 * ((a * a + s * s) / (d * d) - 1.0) + std::log(d) - tables.log_s(last, p)) / width;
        least_log_a = std::min(least_log_a, tables.log_a(last, p));
        most_log_a = std::max(most_log_a, tables.log_a(last, p));
        error_gain = std::max(error_gain, std::exp(tables.log_s(last, p) - tables.log_a(last, p)));
        highest_snr = std::max(highest_snr, tables.log_snr(1, p));
        lowest_snr = std::min(lowest_snr, tables.log_snr(last, p));
        lost += float(a) == 0.f;
    }
    const double decade = std::log(10.0);
    const StepCost cost = diagonal_step_cost(*this, step_settings({}));
    return {
        {"levels", double(last), "N, the levels above data"},
        {"terminal_kl_nats_per_dimension", divergence,
         "KL of q(u_N|u_0) from the prior for data of unit second moment"},
        {"log10_condition", (most_log_a - least_log_a) / decade,
         "log10 of the largest over the smallest a_N: what undoing the operator would multiply errors by"},
        {"log10_snr_first", highest_snr / decade, "log10 a²/s² at level 1, the highest over the eigenvalues"},
        {"log10_snr_last", lowest_snr / decade, "log10 a²/s² at level N, the lowest over the eigenvalues"},
        {"clean_error_gain", error_gain, "s_N/a_N: an error of ε̂ at level N is multiplied by this in û_0"},
        {"modes_lost_in_float32", double(lost), "eigenvalues with a_N = 0 in float32"},
        {"step_bytes_per_image", cost.bytes, "memory traffic of a sampling step, the network left out"},
        {"step_flops_per_image", cost.flops,
         "floating-point operations of a sampling step, the network left out"},
    };
}

void DiagonalProcess::check_solver(const SampleRequest& request) const {
    (void)step_settings(request);
    (void)sampling_levels(request.spacing.empty() ? "leading" : request.spacing, steps(), request.steps);
}

Tensor DiagonalProcess::run_solver(Denoiser& denoiser, const SampleRequest& request,
                                   const SampleCallback& callback) const {
    return solve_diagonal(*this, denoiser, request, callback);
}

} // namespace heat::processes
