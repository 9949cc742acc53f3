#pragma once

#include "tools/trainer.h"

namespace heat::tools {

/// `engine train --dry-run`: checks the folder, measures the training, prints what it takes in memory, time
/// and disk space, as text or as a JSON object. Nothing is written. Throws Error where the run folder could
/// not be made or written, is in use, or its file system has too little room.
void dry_run(Trainer& trainer, const RunFolder& folder, const Configuration& configuration, bool json);

} // namespace heat::tools
