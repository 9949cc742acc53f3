#pragma once

#include "engine/variable.h"

namespace heat {

/// Mean over the positions of each image: N×H×W×C to N×C, in x's type.
Variable spatial_mean(const Variable& x);

} // namespace heat
