#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// The levels a sampler visits: steps + 1 entries from the first, down to 0. Spacing as in diffusers, whose
/// timestep is the level less one (N levels, K steps): all of N..0 where K = N, else
///   leading   i·⌊N/K⌋ + 1, so that the last step starts at level 1
///   trailing  round(N − i·N/K), so that the first step starts at level N
///   linspace  round(i·(N−1)/(K−1)) + 1, both
/// Throws Error for another name or K outside 1..N.
std::vector<int> sampling_levels(const std::string& spacing, int levels, int steps);

/// The solver of every Markov diagonal process: the state stays in the eigenbasis, one step is one change of
/// basis of the network's output, one affine combination with rows of the step's coefficients, and one change
/// back for the network's next input; clipping û_0 costs one pair more. Image k draws its start from
/// Purpose::prior and step i's noise from Purpose::step_noise at step i. `request` has its solver and steps
/// filled in.
Tensor solve_diagonal(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback);

/// Work of one step of solve_diagonal for one image.
StepCost diagonal_step_cost(const DiagonalProcess& process, const StepSettings& settings);

} // namespace heat::processes
