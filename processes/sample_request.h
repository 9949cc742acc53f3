#pragma once

#include "engine/graph.h"
#include "engine/tensor.h"
#include "processes/image_request.h"
#include "processes/sampler_options.h"
#include "processes/score_options.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace heat::processes {

/// What to sample. Empty or zero fields take the process's default; one that is set where it has no meaning
/// is refused.
struct SampleRequest {
    int64_t count = 1;         ///< images in this batch
    uint32_t image_offset = 0; ///< index of the first one in the run: image k is the same in any batch
    uint64_t seed = 0;
    Tensor start;              ///< f32 count×H×W×C to start from; undefined: drawn from the seed
    int steps = 0;             ///< calls of the network; the default is every level
    std::string solver;        ///< one of Process::solvers(); the default is the first
    std::optional<double> eta; ///< of ddim, 0..1; the default is 0
    std::string variance;      ///< of ancestral: small, large or learned
    std::optional<bool>
        clip; ///< limit û_0 to the data range in every step; the default is on where the process has û_0
    std::string spacing;    ///< of the levels when steps < N: leading, trailing, linspace, karras or log-snr
    SamplerOptions options; ///< of solvers of Markov processes
    /// Noise in place of that drawn from the seed, of solvers that draw it: a tensor f32 count×H×W×C (pixels)
    /// for each step, that of the step into data, which has none, being optional; empty: drawn.
    std::vector<Tensor> step_noise;
    InitialImages initial; ///< of all solvers but predictor-corrector and ode
    Inpainting inpainting; ///< of ancestral and ddim, in pixels
    NoiseOptions noise;

    ScoreOptions score; ///< of predictor-corrector and ode

    /// What the callback gets: nothing; the state itself; or the model's present estimate of the image (û_0;
    /// for IHDM the step's noise-free mean).
    enum class View { none, state, clean } view = View::none;

    GraphOptions graphs; ///< of steps; those with a View::clean are never captured
};

/// Progress of a sampling run. The callback is called with step 0 before the first call of the network, then
/// after each.
struct SampleStep {
    int step = 0;  ///< calls of the network so far
    int steps = 0; ///< in all
    int level = 0; ///< level of the state: N at the start, 0 at the end
    Tensor image; ///< the view asked for, N×H×W×C f32 in the data range, the callback's to keep; undefined
                  ///< for View::none
};
using SampleCallback = std::function<void(const SampleStep&)>;

} // namespace heat::processes
