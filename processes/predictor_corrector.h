#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// Predictor and corrector of score-based sampling (Song et al. 2021; docs/math.md, "Predictor and
/// corrector").
enum class Predictor { reverse_diffusion, euler_maruyama, ancestral, none };
enum class Corrector { langevin, none };

/// "reverse-diffusion", "euler-maruyama", "ancestral", "none"; "langevin", "none". Throw Error for others.
Predictor predictor_from_name(const std::string& name);
Corrector corrector_from_name(const std::string& name);

/// One step t → s of a predictor for one eigenvalue: mean = state·u_t + output·o of the network's output o,
/// and the deviation of the noise, which does not enter the step to level 0. Without the predictor `none`.
struct PredictorStep {
    double state = 0, output = 0, noise = 0;
};
PredictorStep predictor_step(const DiagonalProcess& process, Predictor predictor, const std::string& variance,
                             int s, int t, int p);

/// Throws the Error of a request that predict_and_correct does not take, naming what would do.
void check_predictor_corrector(const DiagonalProcess& process, const SampleRequest& request);

/// At each level, first down from N: the corrector's steps, then the predictor's to the next level; the last
/// step adds no noise. Image k depends on the seed and k alone, unless score.batch_norms. Noise is that of
/// Purpose::step_noise at step i, layer 0 for the predictor and 1, 2, … for the corrector's steps. `request`
/// has solver, steps and spacing filled in; û_0 is not clipped.
Tensor predict_and_correct(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                           const SampleCallback& callback);

} // namespace heat::processes
