#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// What sampling of a diagonal process starts from, in its basis: request.start, copied, or white noise of
/// the seed (Purpose::prior) times the prior's deviations. f32 count×H×W×C, the caller's to write over.
Tensor initial_state(const DiagonalProcess& process, const SampleRequest& request);
/// The same where the path's start is a level that request.initial is taken to: a·û_0 + s·noise.
Tensor noised_images(const DiagonalProcess& process, const SampleRequest& request, const SamplingPath& path);

} // namespace heat::processes
