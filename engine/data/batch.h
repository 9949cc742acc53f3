#pragma once

#include "engine/data/image_source.h"
#include "engine/tensor.h"

#include <functional>
#include <span>
#include <vector>

namespace heat {

struct BatchOptions {
    float low = 0.f, high = 1.f; ///< the values of bytes 0 and 255
    bool flip = false;           ///< mirror left to right, each image with probability ½
    uint64_t seed = 0;           ///< of the flips, drawn per (seed, step, place in the batch)
    uint32_t step = 0;
};

/// Writes the images at these indices, at least one, into the memory that `memory` gives for their shape
/// N×H×W×C. Serial, so that a loader's thread leaves the others alone. Throws Error as ImageSource::decode,
/// and when the images differ in size.
void gather_batch(const ImageSource& images, std::span<const uint32_t> indices, const BatchOptions& options,
                  const std::function<float*(const Shape&)>& memory);
/// Images f32 N×H×W×C to bytes NHWC: low becomes 0 and high 255, rounded to nearest, clamped.
std::vector<uint8_t> to_bytes(const Tensor& images, float low, float high);

} // namespace heat
