#include "processes/process.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/levels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace heat::processes {

Process::Process(ImageSize size, int steps, Device device) : size_(size), steps_(steps), device_(device) {
    if (size.height < 1 || size.width < 1 || size.channels < 1)
        throw Error(fmt::format("process: expected images of positive size, got {}×{}×{}", size.height,
                                size.width, size.channels));
    if (steps < 1) throw Error(fmt::format("process.steps = {}: expected at least 1", steps));
}

void Process::set_prior(const std::map<std::string, Tensor>& tensors) {
    if (!tensors.empty())
        throw Error(
            fmt::format("process {} keeps no prior, got a tensor '{}'", name(), tensors.begin()->first));
}

void Process::expect_uniform_levels() const {
    if (!draws_levels_uniformly())
        throw Error(fmt::format("process {} draws its levels from a distribution of its own: set "
                                "train.timestep_sampling = uniform",
                                name()));
}

void Process::set_level_distribution(LevelDistribution distribution) {
    expect_uniform_levels();
    drawn_from_ = std::move(distribution);
}

SampleRequest Process::resolve(const SampleRequest& request) const {
    SampleRequest resolved = request;
    if (request.count < 1) throw Error(fmt::format("sampling {} images: expected at least 1", request.count));
    if (request.start.defined()) {
        if (!starts_from_white_noise())
            throw Error(fmt::format(
                "process {} does not start from white noise in pixels: it takes no start from outside",
                name()));
        if (request.start.shape() != batch_shape(request.count) || request.start.dtype() != Dtype::f32)
            throw Error(fmt::format("start of sampling: expected f32 {}, got {} {}",
                                    batch_shape(request.count).text(), name_of(request.start.dtype()),
                                    request.start.shape().text()));
    }
    check_image_request(request, batch_shape(request.count), steps_);
    if (request.steps < 0 || request.steps > steps_)
        throw Error(fmt::format("sampling in {} steps: this {} process has {} levels; expected 1 to {}",
                                request.steps, name(), steps_, steps_));
    if (request.steps == 0) resolved.steps = steps_;
    const std::vector<std::string> known = solvers();
    if (request.solver.empty()) resolved.solver = known.front();
    if (std::find(known.begin(), known.end(), resolved.solver) == known.end())
        throw Error(fmt::format("solver '{}' does not fit process {}: expected {}", resolved.solver, name(),
                                fmt::join(known, " or ")));
    if (resolved.solver != "predictor-corrector" && request.score.for_predictor_corrector())
        throw Error(fmt::format("predictor, corrector, snr, corrector-steps and batch-norms belong to solver "
                                "predictor-corrector, not {}: leave them out",
                                resolved.solver));
    if (resolved.solver != "ode" && request.score.for_ode())
        throw Error(
            fmt::format("rtol and atol belong to solver ode, not {}: leave them out", resolved.solver));
    check_solver(resolved);
    return resolved;
}

Tensor Process::sample(Denoiser& denoiser, const SampleRequest& request,
                       const SampleCallback& callback) const {
    const SampleRequest resolved = resolve(request);
    denoiser.begin_batch(resolved.image_offset, resolved.count);
    return run_solver(denoiser, resolved, callback);
}

void Process::draw_by(const std::vector<double>& weights, const std::vector<double>& timesteps) {
    if (!weights.empty()) {
        const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
        std::vector<double> shares;
        for (const double weight : weights) shares.push_back(weight / total);
        drawn_from_.thresholds = level_distribution(shares, device()).thresholds;
    }
    if (!timesteps.empty())
        timestep_of_ = Tensor::from_host(Shape{int64_t(timesteps.size())},
                                         std::vector<float>(timesteps.begin(), timesteps.end()), device());
}

TrainingBatch Process::draw_levels(const Tensor& images, const RandomState& random,
                                   uint32_t image_offset) const {
    expect_images("training batch", images);
    const int64_t count = images.shape()[0];
    TrainingBatch batch;
    batch.levels = Tensor(Shape{count}, Dtype::i32, device());
    batch.timesteps = Tensor(Shape{count}, Dtype::f32, device());
    const ProfileScope scope("draw levels", device(), [&] {
        return OpWork{8.0 * double(count), double(count), batch.levels.shape().text()};
    });
    kernels::draw_levels(
        images.stream(), batch.levels.data<int32_t>(), batch.timesteps.data<float>(), count, steps(),
        drawn_from_.defined() ? reinterpret_cast<const uint32_t*>(drawn_from_.thresholds.raw()) : nullptr,
        timestep_of_.defined() ? timestep_of_.data<float>() : nullptr, timestep_of_level(1) - 1.f,
        random.device_words(), kernels::purpose_word(Purpose::timestep), image_offset);
    if (drawn_from_.weights.defined())
        batch.weight = weighted_by_level({}, drawn_from_.weights, batch.levels);
    return batch;
}

void Process::expect_images(const char* what, const Tensor& images) const {
    const int64_t count = images.shape().rank() == 4 ? images.shape()[0] : -1;
    if (count < 1 || images.shape() != batch_shape(count) || images.dtype() != Dtype::f32 ||
        images.device() != device_)
        throw Error(fmt::format("{}: expected f32 images of shape N×{}×{}×{} on {}, got {} of shape {} on {}",
                                what, size_.height, size_.width, size_.channels, heat::name_of(device_),
                                heat::name_of(images.dtype()), images.shape().text(),
                                heat::name_of(images.device())));
}

Shape Process::batch_shape(int64_t count) const {
    return Shape{count, int64_t(size_.height), int64_t(size_.width), int64_t(size_.channels)};
}

} // namespace heat::processes
