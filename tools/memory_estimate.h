#pragma once

#include "engine/device.h"
#include "tools/configuration.h"

namespace heat::tools {

/// Throws Error, with what it would take and the settings to lower, where training in batches of so many
/// images cannot fit the memory of this machine: by a lower bound (parameters with gradient, moments and
/// average; one activation a residual block), so that nothing that fits is refused. What is beyond a GPU's
/// memory says so when it is asked for; then only the machine's is looked at.
void expect_memory_to_train(const Configuration& configuration, Device device, int64_t batch);

/// The same for sampling: parameters, one activation of the widest level, the finished images.
void expect_memory_to_sample(const Configuration& configuration, int64_t count, int64_t batch);

} // namespace heat::tools
