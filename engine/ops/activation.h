#pragma once

#include "engine/random.h"
#include "engine/variable.h"

namespace heat {

/// y = x·sigmoid(x).
Variable silu(const Variable& x);

/// y = a + b, equal shapes and types.
Variable add(const Variable& a, const Variable& b);

/// The same values under another shape of equal count; no copy.
Variable reshape(const Variable& x, Shape shape);

/// x + shift[n,c] over N×H×W×C with shift N×C: the time embedding's broadcast. (group_norm takes the shift
/// without this pass; here it is on its own for modules that need the sum.)
Variable add_per_channel(const Variable& x, const Variable& shift);

/// x as another activation type; the gradient is cast back.
Variable cast(const Variable& x, Dtype dtype);

/// Inverted dropout at `rate` in [0,1): kept values are divided by 1−rate. The mask is a function of (seed,
/// step, layer, image, element), image 0 of x being `image_offset` of the run; `random` must stay at its step
/// until backward has run. Rate 0 returns x itself. Throws Error for other rates.
Variable dropout(const Variable& x, float rate, const RandomState& random, uint32_t layer,
                 uint32_t image_offset = 0);

} // namespace heat
