#pragma once

#include "kernels/philox.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// A uniform integer of 0..n−1 without bias (Lemire 2019: multiply, shift, reject), from the numbers of
/// (seed, purpose word, step, image). n > 0.
HEAT_HD uint32_t uniform_index(uint32_t n, uint32_t image, uint32_t step, uint32_t purpose, uint32_t seed_low,
                               uint32_t seed_high) {
    const uint32_t threshold = (0u - n) % n; // 2³² mod n
    for (uint32_t block = 0;; ++block) {
        const PhiloxBlock words = philox4x32_10(block, image, step, purpose, seed_low, seed_high);
        for (const uint32_t word : words.v) {
            const uint64_t product = uint64_t(word) * n;
            if (uint32_t(product) >= threshold) return uint32_t(product >> 32);
        }
    }
}

/// One level of a process for each image of a training batch, uniform on 1..count: levels[i], and
/// timesteps[i] = levels[i] + shift, what the network sees. Level i depends on (seed, purpose word, step,
/// image_offset + i) only. `state` points to {seed low, seed high, step} in the stream's memory.
void draw_levels(const Stream&, int32_t* levels, float* timesteps, int64_t images, int count, float shift,
                 const uint32_t* state, uint32_t purpose, uint32_t image_offset);

/// The same with a probability for each level: level n >= 1 has cumulative[n − 1] − cumulative[n − 2] of it,
/// cumulative[count − 1] = 1, and timesteps[i] = timestep_of[levels[i]]. Both tables (count and count + 1
/// floats) are in the stream's memory.
void draw_levels_by_weight(const Stream&, int32_t* levels, float* timesteps, int64_t images, int count,
                           const float* cumulative, const float* timestep_of, const uint32_t* state,
                           uint32_t purpose, uint32_t image_offset);

} // namespace heat::kernels
