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

/// How many of the first count − 1 thresholds, which rise, are at most `word`: of a uniform word, an integer
/// of 0..count−1 with the probabilities (thresholds[i] − thresholds[i−1])/2³².
HEAT_HD uint32_t weighted_index(const uint32_t* thresholds, uint32_t count, uint32_t word) {
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (thresholds[middle] <= word)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/// One level of a process for each image of a training batch, of 1..count: levels[i], and what the network
/// sees: timesteps[i] = timestep_of[levels[i]], or levels[i] + shift where that is null. Uniform where
/// thresholds is null, else level n has the probability (thresholds[n−1] − thresholds[n−2])/2³², 0 and 2³²
/// standing before and behind the first count − 1 of them. Level i depends on (seed, purpose word, step,
/// image_offset + i) and the thresholds only. `state` points to {seed low, seed high, step} in the stream's
/// memory, where both tables (count and count + 1 values) are too.
void draw_levels(const Stream&, int32_t* levels, float* timesteps, int64_t images, int count,
                 const uint32_t* thresholds, const float* timestep_of, float shift, const uint32_t* state,
                 uint32_t purpose, uint32_t image_offset);

} // namespace heat::kernels
