#pragma once

#include "engine/tensor.h"
#include "kernels/philox.h"

namespace heat {

using kernels::Purpose;

/// A position in the engine's random numbers: {seed, step} in device memory (kernels/philox.h), so that a
/// captured step sees new values without new launches.
class RandomState {
public:
    RandomState(uint64_t seed, Device device);

    /// Moves to another step (training step, sampling step); what was drawn before is unaffected.
    void set_step(uint32_t step);
    uint64_t seed() const { return seed_; }
    const uint32_t* device_words() const;
    Device device() const { return words_.device(); }

private:
    uint64_t seed_;
    Tensor words_; ///< i32: seed low, seed high, step
};

/// Standard normals of `shape` (images first), image i of the tensor being image `image_offset + i` of the
/// run.
Tensor normal(const RandomState& random, Shape shape, Purpose purpose, uint32_t image_offset = 0,
              uint32_t layer = 0);
/// Uniforms in (0,1), same addressing.
Tensor uniform(const RandomState& random, Shape shape, Purpose purpose, uint32_t image_offset = 0,
               uint32_t layer = 0);

} // namespace heat
