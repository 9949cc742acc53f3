#pragma once

#include "engine/optimizer.h"
#include "processes/process.h"
#include "tools/model.h"

#include <functional>

namespace heat::tools {

/// What one update of a network needs; owned by the caller.
struct TrainingStep {
    const processes::Process& process;
    Model& model;
    Optimizer& optimizer;
    RandomState& random;
    int accumulation = 1;                       ///< batches whose gradients are averaged
    std::function<Tensor(int64_t index)> batch; ///< images of batch `index`, N×H×W×C f32 in the data range

    /// Draws levels and noise, predicts, differentiates and updates. Batch i of the update has the index
    /// steps · accumulation + i, which is its position in the data and in the random numbers. Returns the
    /// mean loss; waits for the device to read it.
    float run() const;
};

} // namespace heat::tools
