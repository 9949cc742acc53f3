#include "processes/image_request.h"

#include "kernels/error.h"
#include "processes/sample_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace heat::processes {

namespace {

int level_of_share(double share, int steps) {
    return int(std::lround(share * steps));
}

void check_share(double share, int steps, const char* what) {
    if (!(share > 0 && share <= 1)) throw Error(fmt::format("{} = {}: expected above 0 to 1", what, share));
    if (level_of_share(share, steps) == 0)
        throw Error(
            fmt::format("{} = {} is level 0 of {}, where nothing is left to sample: expected at least "
                        "{:.3g}",
                        what, share, steps, 0.5 / steps));
}

void check_images(const Tensor& images, const Shape& shape, const char* what) {
    if (images.shape() != shape || images.dtype() != Dtype::f32)
        throw Error(fmt::format("{}: expected f32 {}, got {} {}", what, shape.text(), name_of(images.dtype()),
                                images.shape().text()));
}

void check_inpainting(const Inpainting& inpainting, const Shape& shape) {
    check_images(inpainting.images, shape, "images to inpaint");
    const Shape mask{1, shape[1], shape[2], 1};
    if (!inpainting.mask.defined() || inpainting.mask.shape() != mask)
        throw Error(fmt::format("mask of inpainting: expected {}, got {}", mask.text(),
                                inpainting.mask.defined() ? inpainting.mask.shape().text() : "none"));
    if (inpainting.resamples < 1)
        throw Error(fmt::format("resamples = {}: expected at least 1", inpainting.resamples));
    if (inpainting.jump < 1) throw Error(fmt::format("jump = {}: expected at least 1", inpainting.jump));
}

void check_noises(const SampleRequest& request, int steps) {
    const NoiseOptions& noise = request.noise;
    if ((noise.step_seed ? 1 : 0) + (noise.other_seed ? 1 : 0) + (noise.variations > 1 ? 1 : 0) > 1)
        throw Error("another seed of the steps, interpolation and variations exclude each other: choose one");
    if (!request.step_noise.empty())
        throw Error("noise of the steps from outside leaves none to draw from seeds: leave it out");
    if (noise.one_by_one() && request.start.defined())
        throw Error("interpolation and variations draw their start from seeds: leave the start out");
    if (noise.other_seed && noise.images < 2)
        throw Error(fmt::format("interpolation over {} images: expected at least 2", noise.images));
    if (noise.variations < 1 || noise.variations > 4096) // a layer of random numbers each
        throw Error(fmt::format("variations = {}: expected 1 to 4096", noise.variations));
    if (noise.variations > 1) check_share(noise.split_share, steps, "split-at");
}

} // namespace

int InitialImages::level(int steps) const {
    return level_of_share(strength, steps);
}

uint32_t NoiseOptions::image_of(uint32_t p) const {
    return other_seed ? image : p / uint32_t(variations);
}

double NoiseOptions::way_of(uint32_t p) const {
    return other_seed ? std::min(1.0, double(p) / double(images - 1)) : 0.0;
}

int NoiseOptions::split_level(int steps) const {
    return level_of_share(split_share, steps);
}

void check_image_request(const SampleRequest& request, const Shape& shape, int steps) {
    if (!request.noise.plain()) check_noises(request, steps);
    if (request.initial.defined() && request.inpainting.defined())
        throw Error("inpainting starts from the prior: leave the initial images out");
    if (request.initial.defined()) {
        check_images(request.initial.images, shape, "initial images");
        check_share(request.initial.strength, steps, "strength");
        if (request.start.defined())
            throw Error("sampling starts from noise or from images, not both: leave one out");
    }
    if (request.inpainting.defined()) check_inpainting(request.inpainting, shape);
    if ((request.initial.defined() || request.inpainting.defined()) && !request.step_noise.empty())
        throw Error("noise of the steps from outside is for sampling from the prior: leave it out");
}

void refuse_inpainting(const SampleRequest& request, const char* name) {
    if (request.inpainting.defined())
        throw Error(
            fmt::format("inpainting is of processes that take each pixel by itself (ddpm, ve, sub-vp, "
                        "edm), by solver ancestral or ddim: {} has none",
                        name));
}

void refuse_image_options(const SampleRequest& request, const char* solver) {
    refuse_inpainting(request, fmt::format("solver {}", solver).c_str());
    if (request.initial.defined())
        throw Error(
            fmt::format("solver {} starts from the prior: to start from images choose ancestral, ddim "
                        "or one of the fast solvers",
                        solver));
    const bool interpolates = request.noise.other_seed && std::string_view(solver) == "ode";
    if (!request.noise.plain() && !interpolates)
        throw Error(fmt::format("solver {} takes no other seeds for its steps and no variations: choose "
                                "ancestral",
                                solver));
}

void check_step_seeds(const SampleRequest& request, bool draws_noise, double lowest_noisy, int steps,
                      const char* name) {
    const NoiseOptions& noise = request.noise;
    if (!noise.step_seed && noise.variations == 1) return;
    if (!draws_noise)
        throw Error(fmt::format("{} draws no noise in its steps, which another seed or variations could "
                                "change: choose one that does",
                                name));
    if (noise.variations > 1 && noise.split_level(steps) < lowest_noisy)
        throw Error(fmt::format("split-at = {} is level {} of {}: no step below draws noise, so that all "
                                "variations are one; expected at least {:.3g}",
                                noise.split_share, noise.split_level(steps), steps, lowest_noisy / steps));
}

} // namespace heat::processes
