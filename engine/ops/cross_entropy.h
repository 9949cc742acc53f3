#pragma once

#include "engine/variable.h"

namespace heat {

/// scale · Σ_n −log softmax(logits_n)[labels_n]: one f32 element. logits N×classes f32; labels i32 N on the
/// same device, trusted to lie in 0 … classes−1. With scale = 1/N it is the mean; with 1 its negative
/// gradient is that of Σ_n log p(label_n).
Variable cross_entropy(const Variable& logits, const Tensor& labels, float scale);

} // namespace heat
