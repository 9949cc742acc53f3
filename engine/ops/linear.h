#pragma once

#include "engine/variable.h"

namespace heat {

/// y = x·Wᵀ + b over the last extent: x is …×I, weight O×I (or O×1×1×I, a 1×1 convolution), bias O or
/// undefined; y is …×O in x's type. Products accumulate in f32.
Variable linear(const Variable& x, const Parameter& weight, const Parameter& bias);

/// linear over the concatenation cat(x, skip) of the last extent, without building it: W's first columns meet
/// x, the rest skip. Throws Error unless the widths add up and the other extents agree.
Variable linear_concat(const Variable& x, const Variable& skip, const Parameter& weight,
                       const Parameter& bias);

} // namespace heat
