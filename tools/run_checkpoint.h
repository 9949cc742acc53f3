#pragma once

#include "engine/optimizer.h"
#include "tools/checkpoint_state.h"

namespace heat::tools {

/// Writes RUN/checkpoints/step-NNNNNNN with the parameters, their moving average, the optimiser's moments,
/// the losses of levels where there are any, and the state. It appears under its name complete or not at all;
/// throws Error where it cannot be written or a number is not finite.
void save_checkpoint(const RunFolder& folder, ParameterStore& store, Optimizer& optimizer,
                     const RunState& state, const std::map<std::string, Tensor>& level_losses = {});

/// What becomes of damaged checkpoints that are newer than a sound one; there is a warning of each.
enum class DamagedOnes {
    set_aside, ///< renamed to damaged-step-NNNNNNN; the folder must be locked
    stay
};

/// Loads the newest checkpoint that is not damaged into store and optimiser (its step too). Nothing where
/// there is no checkpoint. Reads the losses of levels if they are asked for. Throws Error where all are
/// damaged (they stay), and where one does not fit or was written by a newer version.
std::optional<RunState> resume_checkpoint(const RunFolder& folder, ParameterStore& store,
                                          Optimizer& optimizer, DamagedOnes damaged_ones,
                                          std::map<std::string, Tensor>* level_losses = nullptr);

/// The newest checkpoint with a sound `file` (one of checkpoint_files), for reading; warns of damaged ones
/// and leaves them alone. Of a certain step, only that one will do. Throws Error where there is none. A run
/// that is being trained may be read.
Checkpoint sound_checkpoint(const RunFolder& folder, std::optional<int64_t> step, const std::string& file);

} // namespace heat::tools
