#pragma once

#include "engine/data/dataset.h"
#include "engine/tensor.h"

#include <span>

namespace heat {

struct BatchOptions {
    float low = 0.f, high = 1.f; ///< the values of bytes 0 and 255
    bool flip = false;           ///< mirror left to right, each image with probability ½
    uint64_t seed = 0;           ///< of the flips, drawn per (seed, step, place in the batch)
    uint32_t step = 0;
};

/// The images of a data set at these indices as one tensor, f32 N×H×W×C.
Tensor gather_batch(const Dataset& dataset, std::span<const uint32_t> indices, const BatchOptions& options,
                    Device device);

/// Images f32 N×H×W×C to bytes NHWC: low becomes 0 and high 255, rounded to nearest, clamped.
std::vector<uint8_t> to_bytes(const Tensor& images, float low, float high);

} // namespace heat
