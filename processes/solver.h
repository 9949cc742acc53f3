#pragma once

#include "processes/diagonal_process.h"
#include "processes/sampling_path.h"

namespace heat::processes {

/// The solvers of every Markov diagonal process: a plan (processes/solver_plan.h) along a path of levels, run
/// stage by stage. The state stays in the eigenbasis: a stage is one change of basis of the network's output,
/// an affine combination with rows of the plan's coefficients, and one change back for the network's next
/// input; limiting û_0 costs one pair more, a prediction that is kept a combination more. Image k draws its
/// start from Purpose::prior and stage i's noise from Purpose::step_noise at step i. Stages are captured as
/// graphs, one for each shape of a stage: what takes part in it, and in which of the memories that
/// predictions go to in turn its own is kept. `request` has its solver and steps filled in.
Tensor solve_diagonal(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback);

/// Work of one step of solve_diagonal for one image.
StepCost diagonal_step_cost(const DiagonalProcess& process, const StepSettings& settings);

} // namespace heat::processes
