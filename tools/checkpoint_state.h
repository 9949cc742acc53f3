#pragma once

#include "kernels/error.h"
#include "tools/run_folder.h"
#include "tools/run_log.h"

#include <array>
#include <span>
#include <string>

namespace heat::tools {

/// The tensors of a checkpoint: the weights, their moving average, the optimiser's moments.
inline const std::array<std::string, 3> checkpoint_files{"model.safetensors", "ema.safetensors",
                                                         "optimizer.safetensors"};

/// Beside them where levels are drawn by importance: the losses of each level (processes/level_importance.h).
inline const std::string level_losses_file = "level_losses.safetensors";

/// A checkpoint that is not what was written: files missing, cut off or altered, numbers that are not finite.
/// The message names the checkpoint and what is wrong. Other checkpoints of the run may be good.
class DamagedCheckpoint : public Error {
public:
    using Error::Error;
};

/// What state.json says of a checkpoint: where in its course the run stood.
struct RunState {
    int64_t step = 0;   ///< updates done
    int64_t seed = 0;   ///< train.seed
    int64_t images = 0; ///< seen
    LossMean losses;    ///< since the last line of the log
};

/// Writes folder/state.json for the tensor files that lie there: the state, size and CRC-32 of each of them,
/// and a checksum over all of that. Throws Error naming the tensor where one holds a number that is not
/// finite.
void write_state(const std::filesystem::path& folder, const RunState& state);

/// Reads state.json and compares it and `files` of the checkpoint with what was written. Throws
/// DamagedCheckpoint, or Error where a newer version of this program wrote it or it may not be read.
RunState verify_checkpoint(const Checkpoint& checkpoint, std::span<const std::string> files);

} // namespace heat::tools
