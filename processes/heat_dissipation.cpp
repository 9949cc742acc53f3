#include "processes/heat_dissipation.h"

#include "kernels/error.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/sample_noise.h"
#include "processes/solver_settings.h"
#include "processes/step_clock.h"
#include "processes/step_cost.h"

#include <fmt/format.h>

namespace heat::processes {

namespace {

Tensor scalar_table(double value, Device device) {
    return upload_table({float(value)}, 1, device);
}

} // namespace

HeatDissipation::HeatDissipation(ImageSize size, const HeatDissipationSettings& settings, Device device)
    : Process(size, settings.steps, device), settings_(settings),
      blur_(size, settings.steps, settings.sigma_min, settings.sigma_max, device),
      prior_(blur_, size, "ihdm") {
    if (!(settings.sigma >= 0 && settings.delta >= 0))
        throw Error(fmt::format("ihdm noises sigma = {} and delta = {}: expected none below 0",
                                settings.sigma, settings.delta));
    minus_ones_ = scalar_table(-1, device);
    sigma_ = scalar_table(settings.sigma, device);
    delta_ = scalar_table(settings.delta, device);
}

TrainingBatch HeatDissipation::training_batch(const Tensor& images, const RandomState& random,
                                              uint32_t image_offset) const {
    TrainingBatch batch = draw_levels(images, random, image_offset);
    const int32_t* rows = batch.levels.data<int32_t>();

    Tensor blurred, less_blurred;
    basis_step(Basis::dct2, {{images, {}, true}}, rows, nullptr,
               {{&blurred, blur_.gains_from(0)}, {&less_blurred, blur_.gains_from(-1)}});

    const Tensor noise = normal(random, images.shape(), Purpose::training_noise, image_offset);
    batch.input = Tensor(images.shape(), Dtype::f32, device());
    combine({{blurred, {}}, {noise, sigma_}}, nullptr, batch.input);
    batch.target = Tensor(images.shape(), Dtype::f32, device());
    combine({{less_blurred, {}}, {batch.input, minus_ones_}}, nullptr, batch.target);
    batch.scale = 1.f / float(images.shape()[0]);
    return batch;
}

Tensor HeatDissipation::blur(const Tensor& images, int level) const {
    expect_images("blur", images);
    return blur_.blur(images, level);
}

void HeatDissipation::prepare_prior(const Tensor& images) {
    expect_images("prior", images);
    prior_.add(blur_, images);
}

void HeatDissipation::check_solver(const SampleRequest& request) const {
    refuse_solver_options(request, "ihdm");
    if (request.steps != steps())
        throw Error(
            fmt::format("ihdm samples with the K = {} levels it was trained on, not {}: leave the steps out",
                        steps(), request.steps));
    if (request.eta || !request.variance.empty() || !request.spacing.empty() || request.clip.value_or(false))
        throw Error("eta, variance, spacing and clip belong to processes that are Markov: ihdm has "
                    "process.delta, the "
                    "noise of a step");
    refuse_inpainting(request, "process ihdm");
    const int first = request.initial.defined() ? request.initial.level(steps()) : steps();
    check_step_seeds(request, settings_.delta > 0 && first > 1, 2, steps(),
                     "ihdm with delta = 0 or one step");
}

Tensor HeatDissipation::run_solver(Denoiser& denoiser, const SampleRequest& request,
                                   const SampleCallback& callback) const {
    const int levels = request.initial.defined() ? request.initial.level(steps()) : steps();
    std::vector<float> timesteps;
    for (int k = levels; k >= 1; --k) timesteps.push_back(timestep_of_level(k));
    SampleNoise noises(request, levels, steps(), device());
    StepClock clock(request.count, noises.step_seed(), timesteps, device());
    Tensor state = prior_.start(request, blur_, settings_.delta, device());
    Tensor noise(state.shape(), Dtype::f32, device());
    const auto report = [&](int step) {
        if (!callback) return;
        Tensor view;
        if (request.view != SampleRequest::View::none) {
            view = Tensor(state.shape(), Dtype::f32, device());
            view.copy_from(state);
        }
        callback({step, levels, levels - step, view});
    };

    const bool show_mean = request.view == SampleRequest::View::clean;
    const auto advance = [&](bool noisy, bool own) {
        const Tensor output = checked_prediction(denoiser, state, clock.timesteps());
        if (!noisy) return combine({{state, {}}, {output, {}}}, nullptr, state);
        noises.draw(clock, own, noise);
        combine({{state, {}}, {output, {}}, {noise, delta_}}, nullptr, state);
    };
    GraphOptions graphs = request.graphs;
    graphs.wanted = graphs.wanted && denoiser.capturable();
    const auto memory = std::make_shared<MemoryReservation>(device());
    GraphedWork with_noise("a sampling step", graphs, memory),
        with_own_noise("a sampling step", graphs, memory), without_noise("a sampling step", graphs, memory);
    report(0);
    for (int step = 0; step < levels; ++step) {
        clock.move_to(step);
        noises.move_to(step);
        const bool noisy = step + 1 < levels && settings_.delta > 0, own = noises.own(levels - step);
        if (noisy && show_mean) { // the mean is shown before its noise
            advance(false, own);
            report(step + 1);
            noises.draw(clock, own, noise);
            combine({{state, {}}, {noise, delta_}}, nullptr, state);
            continue;
        }
        GraphedWork& work = !noisy ? without_noise : own ? with_own_noise : with_noise;
        work.run({}, [&] { advance(noisy, own); });
        report(step + 1);
    }
    return state;
}

std::vector<ReportEntry> HeatDissipation::report() const {
    const auto n = double(size().elements());
    StepCost cost = noise_cost(n);
    cost += combination_cost(3, n);
    std::vector<ReportEntry> entries{{"levels", double(steps()), "K, the levels above data"}};
    append(entries, blur_.report());
    append(entries, {{"training_noise", settings_.sigma, "σ"}, {"sampling_noise", settings_.delta, "δ"}});
    append(entries, prior_.report());
    append(entries, cost_report(cost));
    return entries;
}

} // namespace heat::processes
