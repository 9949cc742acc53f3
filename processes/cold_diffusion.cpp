#include "processes/cold_diffusion.h"

#include "kernels/error.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/sampling_path.h"
#include "processes/solver_settings.h"
#include "processes/step_clock.h"
#include "processes/step_cost.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

namespace {

/// All levels, or fewer that begin at the last one, where the prior is; from initial images at theirs.
std::vector<int> levels_of(const SampleRequest& request, int levels) {
    const std::string spacing = request.spacing.empty() ? "trailing" : request.spacing;
    const std::vector<int> visited = sampling_levels(spacing, levels, request.steps);
    return request.initial.defined() ? levels_from(request.initial.level(levels), visited) : visited;
}

} // namespace

ColdDiffusion::ColdDiffusion(ImageSize size, const ColdDiffusionSettings& settings, Device device)
    : Process(size, settings.steps, device), settings_(settings),
      blur_(size, settings.steps, settings.sigma_min, settings.sigma_max, device),
      prior_(blur_, size, "cold") {
    if (!(settings.delta >= 0))
        throw Error(fmt::format("cold noise delta = {}: expected none below 0", settings.delta));
}

TrainingBatch ColdDiffusion::training_batch(const Tensor& images, const RandomState& random,
                                            uint32_t image_offset) const {
    TrainingBatch batch = draw_levels(images, random, image_offset);
    batch.input = blur_.blur_each(images, batch.levels.data<int32_t>());
    batch.target = images;
    batch.scale = 1.f / float(images.count());
    batch.loss = LossKind::absolute;
    return batch;
}

void ColdDiffusion::prepare_prior(const Tensor& images) {
    expect_images("prior", images);
    prior_.add(blur_, images);
}

void ColdDiffusion::check_solver(const SampleRequest& request) const {
    refuse_solver_options(request, "cold");
    if (request.eta || !request.variance.empty() || request.clip.value_or(false))
        throw Error("eta, variance and clip belong to processes with noise: cold has none, leave them out");
    refuse_inpainting(request, "process cold");
    check_step_seeds(request, false, 0, steps(), "cold");
    const int first = levels_of(request, steps()).front();
    if (first != steps() && !request.initial.defined())
        throw Error(fmt::format("cold starts from images blurred to level {}, but spacing {} in {} steps "
                                "begins at level {}: choose trailing",
                                steps(), request.spacing, request.steps, first));
}

Tensor ColdDiffusion::run_solver(Denoiser& denoiser, const SampleRequest& request,
                                 const SampleCallback& callback) const {
    const std::vector<int> levels = levels_of(request, steps());
    const auto calls = int(levels.size()) - 1;
    std::vector<float> timesteps, differences; // e^{−μ t_s} − e^{−μ t_t} of each step
    for (size_t i = 0; i + 1 < levels.size(); ++i) {
        timesteps.push_back(timestep_of_level(levels[i]));
        for (int mode = 0; mode < blur_.modes(); ++mode) {
            const double to = blur_.log_gain(levels[i + 1], mode), from = blur_.log_gain(levels[i], mode);
            differences.push_back(float(-std::exp(to) * std::expm1(from - to)));
        }
    }
    const Tensor gained = upload_table(differences, blur_.modes(), device());
    StepClock clock(request.count, request.seed, timesteps, device());

    Tensor image = prior_.start(request, blur_, settings_.delta, device());
    Tensor state = to_basis(Basis::dct2, image), clean = image;
    const auto report = [&](int step) {
        if (!callback) return;
        Tensor view;
        if (request.view != SampleRequest::View::none) {
            view = Tensor(image.shape(), Dtype::f32, device());
            view.copy_from(request.view == SampleRequest::View::clean ? clean : image);
        }
        callback({step, calls, levels[size_t(step)], view});
    };

    const bool show_clean = request.view == SampleRequest::View::clean;
    // The network's own tensor leaves the step then, which a graph would not make anew.
    GraphOptions graphs = request.graphs;
    graphs.wanted = graphs.wanted && denoiser.capturable() && !show_clean;
    GraphedWork graphed("a sampling step", graphs, std::make_shared<MemoryReservation>(device()));
    report(0);
    for (int step = 0; step < calls; ++step) {
        clock.move_to(step);
        graphed.run({}, [&] {
            const Tensor estimate = checked_prediction(denoiser, image, clock.timesteps());
            basis_step(Basis::dct2, {{state, {}}, {estimate, gained, true}}, clock.rows(), &state,
                       {{&image, {}}});
            if (show_clean) clean = estimate;
        });
        report(step + 1);
    }
    return image;
}

std::vector<ReportEntry> ColdDiffusion::report() const {
    StepCost cost = combination_cost(2, double(size().elements()));
    for (int i = 0; i < 2; ++i) cost += basis_cost(Basis::dct2, size().height, size().width, size().channels);
    std::vector<ReportEntry> entries{{"levels", double(steps()), "K, the levels above data"}};
    append(entries, blur_.report());
    append(entries, {{"prior_noise", settings_.delta, "δ, of the images that sampling starts from"}});
    append(entries, prior_.report());
    append(entries, cost_report(cost));
    return entries;
}

} // namespace heat::processes
