#include "tools/sampling.h"

#include "engine/data/batch.h"
#include "engine/io/image_grid.h"
#include "tools/interrupt.h"

#include <algorithm>
#include <chrono>

namespace heat::tools {
namespace {

/// Images of 28 to 64 pixels are enlarged to about 100.
int enlargement(int height, int width) {
    return std::clamp(100 / std::max({height, width, 1}), 1, 4);
}

Image8 grid_of_tensor(const Tensor& images, float low, float high, int columns) {
    const Shape& s = images.shape();
    const int height = int(s[1]), width = int(s[2]);
    return image_grid(to_bytes(images, low, high), int(s[0]), height, width, int(s[3]),
                      {.scale = enlargement(height, width), .columns = columns});
}

} // namespace

processes::SampleRequest request_of(const SampleConfig& config) {
    processes::SampleRequest request;
    request.solver = config.solver;
    request.steps = int(config.steps);
    request.spacing = config.spacing;
    request.clip = config.clip;
    request.options = config.options;
    return request;
}

SampledImages sample_images(const processes::Process& process, processes::Denoiser& denoiser,
                            const SamplingPlan& plan, const std::function<void(int64_t, int64_t)>& report) {
    const auto start = std::chrono::steady_clock::now();
    const processes::ImageSize size = process.size();
    SampledImages result;
    result.count = int(plan.count);
    result.height = size.height;
    result.width = size.width;
    result.channels = size.channels;
    for (int64_t first = 0; first < plan.count; first += plan.batch) {
        processes::SampleRequest request = plan.request;
        request.count = std::min(plan.batch, plan.count - first);
        if (request.start.defined()) request.start = plan.request.start.images(first, request.count);
        for (Tensor* given : {&request.initial.images, &request.inpainting.images})
            if (given->defined()) *given = given->images(first, request.count);
        for (Tensor& noise : request.step_noise) noise = noise.images(first, request.count);
        request.image_offset = plan.request.image_offset + uint32_t(first);
        const bool record = plan.trajectory_frames > 0 && first == 0;
        request.view = record ? processes::SampleRequest::View::state : processes::SampleRequest::View::none;
        int frame = 0;
        const auto on_step = [&](const processes::SampleStep& s) {
            if (InterruptGuard::requested()) throw Interrupted();
            if (report) report(first * s.steps + int64_t(s.step) * request.count, plan.count * s.steps);
            // Frame f shows the state after a share f/(frames−1) of the steps.
            if (!record || frame >= plan.trajectory_frames) return;
            if (int64_t(s.step) * (plan.trajectory_frames - 1) < int64_t(frame) * s.steps) return;
            result.trajectory.push_back(
                grid_of_tensor(s.image, process.data_low(), process.data_high(), plan.columns));
            ++frame;
        };
        const Tensor images = process.sample(denoiser, request, on_step);
        const std::vector<uint8_t> bytes = to_bytes(images, process.data_low(), process.data_high());
        if (plan.keep_values) {
            const std::vector<float> values = images.to_host();
            result.values.insert(result.values.end(), values.begin(), values.end());
        }
        result.pixels.insert(result.pixels.end(), bytes.begin(), bytes.end());
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

Image8 grid_of(const SampledImages& images, int columns) {
    const int shown = std::min(images.count, 256);
    const size_t bytes = images.pixels.size() / size_t(images.count) * size_t(shown);
    return image_grid({images.pixels.data(), bytes}, shown, images.height, images.width, images.channels,
                      {.scale = enlargement(images.height, images.width), .columns = columns});
}

} // namespace heat::tools
