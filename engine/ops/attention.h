#pragma once

#include "engine/variable.h"

namespace heat {

/// Scaled dot-product attention over positions: query, key, value are N×T×C (T = H·W) with `heads` blocks of
/// C/heads channels; y = softmax(q·kᵀ/sqrt(C/heads))·v per head, N×T×C. Scores and softmax are f32. Throws
/// Error unless the shapes agree and heads divides C. (Vaswani et al. 2017.)
Variable attention(const Variable& query, const Variable& key, const Variable& value, int heads);

} // namespace heat
