#pragma once

#include "engine/io/image8.h"
#include "processes/process.h"
#include "tools/configuration.h"

#include <filesystem>
#include <functional>
#include <vector>

namespace heat::tools {

struct SamplingPlan {
    processes::SampleRequest request; ///< count and image_offset are filled in batch by batch; start,
                                      ///< step_noise and images to start from or inpaint hold all
    int64_t count = 64;               ///< images in all
    int64_t batch = 64;               ///< images at a time; no effect on what they are
    int trajectory_frames = 0;        ///< > 0: record so many states, evenly spread, of the first batch
    bool keep_values = false;         ///< the images before rounding too
    int columns = 0;                  ///< of grids; 0: near square
};

/// What a configuration says of sampling: solver, steps, spacing and clipping; the rest is the caller's.
processes::SampleRequest request_of(const SampleConfig& config);

struct SampledImages {
    int count = 0, height = 0, width = 0, channels = 0;
    std::vector<uint8_t> pixels;    ///< NHWC
    std::vector<float> values;      ///< where they are kept: NHWC in the process's data range, not clipped
    std::vector<Image8> trajectory; ///< grids of the first batch on its way from the prior to the images
    double seconds = 0;
};

/// Samples plan.count images. `report(network calls done, in all)` is called after each step. Ctrl-C ends it
/// before the next step by throwing Interrupted (tools/interrupt.h), where an InterruptGuard lives.
SampledImages sample_images(const processes::Process& process, processes::Denoiser& denoiser,
                            const SamplingPlan& plan, const std::function<void(int64_t, int64_t)>& report);

/// The images, the first 256 at most, as one picture, enlarged so that small ones can be seen.
Image8 grid_of(const SampledImages& images, int columns = 0);

} // namespace heat::tools
