#pragma once

#include "engine/variable.h"

namespace heat {

/// y = silu(x·(1 + scale) + shift), the time embedding's grip on a normalised image (FiLM; Dhariwal & Nichol
/// 2021): x N×H×W×C, modulation N×2C f32, the scales first; y has x's shape and type. Throws Error for other
/// shapes and types.
Variable scale_shift_silu(const Variable& x, const Variable& modulation);

} // namespace heat
