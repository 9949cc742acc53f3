#pragma once

#include "kernels/philox.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// Writes {seed low, seed high, step} to the stream's memory. The values travel with the launch: nothing
/// waits.
void write_random_state(const Stream&, uint32_t* state, uint64_t seed, uint32_t step);

/// Standard normals: out[i·elements + e] depends on (seed, purpose word, step, image, e) only, with image =
/// image_index[i] (or image_offset + i when image_index is null). `state` points to {seed low, seed high,
/// step} in the stream's memory.
void fill_normal(const Stream&, float* out, int64_t images, int64_t elements, const uint32_t* state,
                 uint32_t purpose, uint32_t image_offset, const uint32_t* image_index = nullptr);
/// Uniforms in (0,1), same addressing.
void fill_uniform(const Stream&, float* out, int64_t images, int64_t elements, const uint32_t* state,
                  uint32_t purpose, uint32_t image_offset, const uint32_t* image_index = nullptr);

} // namespace heat::kernels
