#pragma once

#include "processes/sample_request.h"
#include "processes/step.h"

namespace heat::processes {

/// What a request says of its solver: all of StepSettings but what the process adds (prediction, variance,
/// clip). Throws Error in one line for an option that the solver has no use for, naming those that have, and
/// for impossible values.
StepSettings solver_settings(const SampleRequest& request);

/// ancestral and ddim, whose steps do not look back.
bool is_one_step(DiagonalSolver solver);

/// Whether the solver's steps add noise.
bool draws_noise(const StepSettings& settings);

/// Throws Error where the request has options of Markov processes, or noise of steps, naming `process`, which
/// takes none.
void refuse_solver_options(const SampleRequest& request, const char* solver);

} // namespace heat::processes
