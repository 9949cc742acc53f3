#include "processes/heat_dissipation.h"

#include "kernels/error.h"
#include "kernels/levels.h"
#include "processes/basis.h"
#include "processes/combination.h"
#include "processes/schedule.h"
#include "processes/step_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {

constexpr double least_prior_gain = 1e-6;

Tensor scalar_table(double value, Device device) {
    return upload_table({float(value)}, 1, device);
}

} // namespace

HeatDissipation::HeatDissipation(ImageSize size, const HeatDissipationSettings& settings, Device device)
    : Process(size, settings.steps, device), settings_(settings),
      sigmas_(blur_sigmas(settings.steps, settings.sigma_min, settings.sigma_max)),
      mu_(eigenvalues(Basis::dct2, size.height, size.width)) {
    if (!(settings.sigma >= 0 && settings.delta >= 0))
        throw Error(fmt::format("ihdm noises sigma = {} and delta = {}: expected none below 0",
                                settings.sigma, settings.delta));
    const int modes = int(mu_.size());
    std::vector<float> gains(mu_.size(), 0.f);
    for (int k = 0; k <= steps(); ++k)
        for (int mode = 0; mode < modes; ++mode) gains.push_back(float(std::exp(log_gain(k, mode))));
    gains_ = upload_table(gains, modes, device);
    for (int mode = 0; mode < modes; ++mode)
        if (log_gain(steps(), mode) > std::log(least_prior_gain)) modes_.push_back(mode);
    ones_ = scalar_table(1, device);
    minus_ones_ = scalar_table(-1, device);
    sigma_ = scalar_table(settings.sigma, device);
    delta_ = scalar_table(settings.delta, device);
}

double HeatDissipation::log_gain(int level, int mode) const {
    const double sigma = sigmas_[size_t(level)];
    return -mu_[size_t(mode)] * sigma * sigma / 2; // −μ t_k
}

Tensor HeatDissipation::gains_from(int first) const {
    return gains_.images(first + 1, gains_.shape()[0] - first - 1);
}

TrainingBatch HeatDissipation::training_batch(const Tensor& images, const RandomState& random,
                                              uint32_t image_offset) const {
    TrainingBatch batch = draw_levels(images, random, image_offset);
    const int32_t* rows = batch.levels.data<int32_t>();

    const Tensor coefficients = to_basis(Basis::dct2, images);
    Tensor damped(images.shape(), Dtype::f32, device());
    combine({{coefficients, gains_from(0)}}, rows, damped);
    const Tensor blurred = from_basis(Basis::dct2, damped);
    combine({{coefficients, gains_from(-1)}}, rows, damped);
    const Tensor less_blurred = from_basis(Basis::dct2, damped);

    const Tensor noise = normal(random, images.shape(), Purpose::training_noise, image_offset);
    batch.input = Tensor(images.shape(), Dtype::f32, device());
    combine({{blurred, ones_}, {noise, sigma_}}, nullptr, batch.input);
    batch.target = Tensor(images.shape(), Dtype::f32, device());
    combine({{less_blurred, ones_}, {batch.input, minus_ones_}}, nullptr, batch.target);
    batch.scale = 1.f / float(images.shape()[0]);
    return batch;
}

Tensor HeatDissipation::blur(const Tensor& images, int level) const {
    expect_images("blur", images);
    if (level < 0 || level > steps())
        throw Error(fmt::format("blur to level {}: expected 0 to {}", level, steps()));
    Tensor coefficients = to_basis(Basis::dct2, images);
    combine({{coefficients, gains_from(level)}}, nullptr, coefficients);
    return from_basis(Basis::dct2, coefficients);
}

void HeatDissipation::prepare_prior(const Tensor& images) {
    expect_images("prior", images);
    Tensor damped = to_basis(Basis::dct2, images);
    combine({{damped, gains_from(steps())}}, nullptr, damped);
    const std::vector<float> values = damped.to_host();
    const auto channels = size_t(size().channels), elements = size_t(size().elements());
    for (size_t image = 0; image < values.size(); image += elements)
        for (const int32_t mode : modes_) {
            const auto first = values.begin() + int64_t(image + size_t(mode) * channels);
            prior_.insert(prior_.end(), first, first + int64_t(channels));
        }
}

int64_t HeatDissipation::prior_count() const {
    return int64_t(prior_.size()) / (int64_t(modes_.size()) * size().channels);
}

std::map<std::string, Tensor> HeatDissipation::prior() const {
    const auto modes = int64_t(modes_.size());
    std::map<std::string, Tensor> tensors;
    tensors["prior.coefficients"] =
        Tensor::from_host(Shape{prior_count(), modes, int64_t(size().channels)}, prior_, Device::cpu);
    tensors["prior.modes"] = Tensor::from_host(Shape{modes}, modes_, Device::cpu);
    return tensors;
}

void HeatDissipation::set_prior(const std::map<std::string, Tensor>& tensors) {
    const auto coefficients = tensors.find("prior.coefficients"), modes = tensors.find("prior.modes");
    if (coefficients == tensors.end() || modes == tensors.end())
        throw Error("ihdm prior: expected the tensors prior.coefficients and prior.modes");
    const Tensor positions = modes->second.to(Device::cpu), values = coefficients->second.to(Device::cpu);
    const int32_t* p = positions.data<int32_t>();
    if (!std::equal(modes_.begin(), modes_.end(), p, p + positions.count()))
        throw Error(fmt::format(
            "ihdm prior: it keeps other modes than this configuration ({}, expected {}); sigma_max and "
            "the image size must be those of the training run",
            positions.count(), modes_.size()));
    const Shape& shape = values.shape();
    if (shape.rank() != 3 || shape[0] < 1 || shape[1] != int64_t(modes_.size()) ||
        shape[2] != size().channels)
        throw Error(fmt::format("ihdm prior: expected coefficients of shape images×{}×{}, got {}",
                                modes_.size(), size().channels, shape.text()));
    prior_ = values.to_host();
}

int64_t HeatDissipation::prior_index(uint64_t seed, uint32_t image) const {
    if (prior_.empty())
        throw Error("ihdm starts from blurred training images, and this process has none: call prepare_prior "
                    "with the "
                    "training images, or set_prior with those of the run");
    // Layer 1: layer 0 of the purpose is the noise added to the image.
    return kernels::uniform_index(uint32_t(prior_count()), image, 0, kernels::purpose_word(Purpose::prior, 1),
                                  uint32_t(seed), uint32_t(seed >> 32));
}

Tensor HeatDissipation::initial_state(const SampleRequest& request) const {
    const auto channels = size_t(size().channels), elements = size_t(size().elements());
    std::vector<float> values(size_t(request.count) * elements, 0.f);
    for (int64_t i = 0; i < request.count; ++i) {
        const auto chosen = size_t(prior_index(request.seed, request.image_offset + uint32_t(i)));
        auto from = prior_.begin() + int64_t(chosen * modes_.size() * channels);
        for (const int32_t mode : modes_) {
            std::copy_n(from, channels,
                        values.begin() + i * int64_t(elements) + int64_t(mode) * int64_t(channels));
            from += int64_t(channels);
        }
    }
    Tensor state = from_basis(Basis::dct2, Tensor::from_host(batch_shape(request.count), values, device()));
    const RandomState random(request.seed, device());
    const Tensor noise = normal(random, state.shape(), Purpose::prior, request.image_offset);
    combine({{state, ones_}, {noise, delta_}}, nullptr, state);
    return state;
}

void HeatDissipation::check_solver(const SampleRequest& request) const {
    if (request.steps != steps())
        throw Error(
            fmt::format("ihdm samples with the K = {} levels it was trained on, not {}: leave the steps out",
                        steps(), request.steps));
    if (request.eta || !request.variance.empty() || !request.spacing.empty() || request.clip.value_or(false))
        throw Error("eta, variance, spacing and clip belong to the ddpm process: ihdm has process.delta, the "
                    "noise of a step");
}

Tensor HeatDissipation::run_solver(Denoiser& denoiser, const SampleRequest& request,
                                   const SampleCallback& callback) const {
    std::vector<float> timesteps;
    for (int k = steps(); k >= 1; --k) timesteps.push_back(timestep_of_level(k));
    StepClock clock(request.count, request.seed, timesteps, device());
    Tensor state = initial_state(request);
    Tensor noise(state.shape(), Dtype::f32, device());
    const auto report = [&](int step) {
        if (!callback) return;
        Tensor view;
        if (request.view != SampleRequest::View::none) {
            view = Tensor(state.shape(), Dtype::f32, device());
            view.copy_from(state);
        }
        callback({step, steps(), steps() - step, view});
    };

    report(0);
    const bool show_mean = request.view == SampleRequest::View::clean;
    for (int step = 0; step < steps(); ++step) {
        clock.move_to(step);
        const Tensor output = checked_prediction(denoiser, state, clock.timesteps());
        const bool noisy = step + 1 < steps() && settings_.delta > 0;
        if (noisy) clock.draw_noise(noise, request.image_offset);
        if (noisy && !show_mean) {
            combine({{state, ones_}, {output, ones_}, {noise, delta_}}, nullptr, state);
            report(step + 1);
            continue;
        }
        combine({{state, ones_}, {output, ones_}}, nullptr, state);
        report(step + 1);
        if (noisy) combine({{state, ones_}, {noise, delta_}}, nullptr, state);
    }
    return state;
}

std::vector<ReportEntry> HeatDissipation::report() const {
    const int last = steps();
    int lost = 0;
    const int last_mode = int(mu_.size()) - 1; // the largest eigenvalue
    for (int mode = 0; mode <= last_mode; ++mode) lost += float(std::exp(log_gain(last, mode))) == 0.f;
    const auto n = double(size().elements());
    StepCost cost = noise_cost(n);
    cost += combination_cost(3, n);
    return {
        {"levels", double(last), "K, the levels above data"},
        {"blur_sigma_first_pixels", sigmas_[1], "blur width at level 1"},
        {"blur_sigma_last_pixels", sigmas_.back(), "blur width at level K"},
        {"training_noise", settings_.sigma, "σ"},
        {"sampling_noise", settings_.delta, "δ"},
        {"modes", double(mu_.size()), "DCT modes of a channel"},
        {"modes_in_prior", double(modes_.size()),
         "modes with a gain above 1e-6 at level K, kept of each training image"},
        {"modes_lost_in_float32", double(lost), "modes with a gain of 0 in float32 at level K"},
        {"log10_smallest_gain", log_gain(last, last_mode) / std::log(10.0),
         "log10 of the smallest gain at level K; the largest gain is 1"},
        {"prior_images", double(prior_count()), "training images in the prior"},
        {"prior_bytes", 4.0 * double(prior_.size()), "size of the prior"},
        {"step_bytes_per_image", cost.bytes, "memory traffic of a sampling step, the network left out"},
        {"step_flops_per_image", cost.flops,
         "floating-point operations of a sampling step, the network left out"},
    };
}

std::vector<TableColumn> HeatDissipation::tables() const {
    TableColumn time{"time", {}}, sigma{"blur_sigma", sigmas_}, gain{"log10_smallest_gain", {}};
    const int last_mode = int(mu_.size()) - 1; // the largest eigenvalue
    for (int k = 0; k <= steps(); ++k) {
        time.values.push_back(sigmas_[size_t(k)] * sigmas_[size_t(k)] / 2);
        gain.values.push_back(log_gain(k, last_mode) / std::log(10.0));
    }
    return {time, sigma, gain};
}

} // namespace heat::processes
