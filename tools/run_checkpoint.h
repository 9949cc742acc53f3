#pragma once

#include "engine/optimizer.h"
#include "tools/run_folder.h"
#include "tools/run_log.h"

namespace heat::tools {

/// What state.json says of a checkpoint: where in its course the run stood.
struct RunState {
    int64_t step = 0; ///< updates done
    int64_t seed = 0; ///< train.seed
    int64_t images = 0;
    LossMean losses; ///< since the last line of the log
};

/// Writes RUN/checkpoints/step-NNNNNNN with the parameters, their moving average, the optimiser's moments and
/// the state. It appears under its name complete or not at all; throws Error where it cannot be written.
void save_checkpoint(const RunFolder& folder, ParameterStore& store, Optimizer& optimizer,
                     const RunState& state);

/// Loads the newest checkpoint into store and optimiser (its step too). Nothing where there is none. Throws
/// Error where it is damaged, does not fit, or was written by a newer version.
std::optional<RunState> resume_checkpoint(const RunFolder& folder, ParameterStore& store,
                                          Optimizer& optimizer);

} // namespace heat::tools
