#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <optional>

namespace heat::processes {

/// Images that sampling starts from in place of the prior: they are taken to a level by the forward process,
/// with the start's noise (Purpose::prior), and sampled down from there (SDEdit, Meng et al. 2022).
struct InitialImages {
    Tensor images;       ///< f32 count×H×W×C in the data range; undefined: none
    double strength = 1; ///< s, above 0 to 1: the level is round(s·N)

    bool defined() const { return images.defined(); }
    int level(int steps) const;
};

/// RePaint (Lugmayr et al. 2022): after every step the known pixels are replaced by the given image, noised
/// as at that level.
struct Inpainting {
    Tensor images;     ///< f32 count×H×W×C in the data range; undefined: none
    Tensor mask;       ///< f32 1×H×W×1: 1 where a pixel is to be filled, 0 where it is known
    int resamples = 1; ///< R: how often each stretch of `jump` levels is gone through
    int jump = 10;     ///< j, in steps of the solver

    bool defined() const { return images.defined(); }
};

/// Which numbers the noises of an image are, where they are not those of the request's seed at the image's
/// own index. At most one of steps' seed, interpolation and variations.
struct NoiseOptions {
    /// The steps draw from this seed, the start from the request's.
    std::optional<uint64_t> step_seed = {};

    /// Images on the way from image `image` of the request's seed to that of this seed, at equal angles φ =
    /// 0..π/2: every noise is cos φ ν + sin φ ν'; blurred images that are started from mix linearly.
    std::optional<uint64_t> other_seed = {};
    uint32_t image = 0; ///< of interpolation
    int64_t images = 2; ///< of interpolation: how many, both ends included

    /// Above 1: image p of the run is variation p mod K of image ⌊p/K⌋: it has that image's noises down to
    /// level round(share·N) and its own below. Variation 0 is the image itself.
    int variations = 1;
    double split_share = 1;

    bool plain() const { return !step_seed && !other_seed && variations == 1; }
    bool one_by_one() const { return other_seed || variations > 1; }
    /// Of place p in the run: the image whose index its numbers have, and the way to the other seed, 0 to 1.
    uint32_t image_of(uint32_t p) const;
    double way_of(uint32_t p) const;
    int split_level(int steps) const;
};

struct SampleRequest;

/// Throws Error for images, masks and noises of a request that fit no process of `steps` levels and images of
/// shape H×W×C. `shape` is the batch's.
void check_image_request(const SampleRequest& request, const Shape& shape, int steps);

/// Throws Error for a request to inpaint, naming what can: `name` cannot.
void refuse_inpainting(const SampleRequest& request, const char* name);

/// Throws Error for all but interpolation by `solver` ode: the others of predictor-corrector and ode start
/// from the prior and draw by themselves.
void refuse_image_options(const SampleRequest& request, const char* solver);

/// Throws Error where the steps' noises are to be others and `name`'s steps have none, or the variations
/// would not differ: the last step with noise leaves `lowest_noisy`.
void check_step_seeds(const SampleRequest& request, bool draws_noise, double lowest_noisy, int steps,
                      const char* name);

} // namespace heat::processes
