#pragma once

#include "engine/variable.h"

namespace heat {

/// Nearest-neighbour up-sampling by 2: N×H×W×C to N×2H×2W×C.
Variable upsample_nearest(const Variable& x);
/// Mean over 2×2 blocks: N×H×W×C to N×H/2×W/2×C. Throws Error for odd H or W.
Variable average_pool(const Variable& x);

} // namespace heat
