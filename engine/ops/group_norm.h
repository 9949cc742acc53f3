#pragma once

#include "engine/variable.h"

namespace heat {

struct GroupNormOptions {
    int groups = 32;
    float epsilon = 1e-5f;
    bool silu = false; ///< apply x·sigmoid(x) to the result
};

/// Group normalisation of u = cat(x, skip) + shift over N×H×W×C, then optionally SiLU (kernels/group_norm.h
/// has the formula). skip (N×H×W×C₂) and shift (N×C, the time embedding) may be undefined; gamma and beta
/// have C entries. Throws Error where shapes or groups do not fit.
Variable group_norm(const Variable& x, const Variable& skip, const Variable& shift, const Parameter& gamma,
                    const Parameter& beta, const GroupNormOptions& options);

} // namespace heat
