#pragma once

#include "engine/variable.h"

namespace heat {

/// Sinusoidal embedding of timesteps (N, f32): N×dimension f32 (kernels/embedding.h has the formula).
/// Timesteps take no gradient.
Variable sinusoidal_embedding(const Tensor& timesteps, int dimension, bool cosine_first,
                              float frequency_shift);

/// Rows of table (count × width) by index (N, i32): N×width f32. Throws Error for an index outside the table
/// (checked on the host copy that the caller gives).
Variable embedding(const Parameter& table, const std::vector<int32_t>& index);
/// The same by an index in the table's device memory (N, i32), whose values are trusted to lie in the table.
Variable embedding(const Parameter& table, const Tensor& index);

} // namespace heat
