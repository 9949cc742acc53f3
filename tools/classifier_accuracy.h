#pragma once

#include "nets/unet.h"
#include "processes/process.h"

#include <vector>

namespace heat::tools {

/// How often a classifier is right, by the noise level of what it sees.
class LevelAccuracy {
public:
    /// Counts in so many bands of equally many levels, the least noise first.
    explicit LevelAccuracy(int bands) : right_(size_t(bands)), seen_(size_t(bands)) {}

    /// Takes the images to levels drawn as for training (image i draws the numbers of `image_offset + i`),
    /// asks the network for their classes, and counts. Waits for the device.
    void add(const nets::UNet& network, Dtype dtype, const processes::Process& process, const Tensor& images,
             const Tensor& labels, const RandomState& random, uint32_t image_offset);

    /// The share of right answers in each band; of none seen 0.
    std::vector<double> shares() const;
    const std::vector<int64_t>& seen() const { return seen_; }

private:
    std::vector<int64_t> right_, seen_;
};

/// The likeliest class of each image, and the logits' softmax at it.
struct Classified {
    std::vector<int32_t> classes;
    std::vector<float> probabilities;
};
/// What a classifier says of images that the process has taken to timesteps (f32 N). Waits for the device.
Classified classify(const nets::UNet& network, Dtype dtype, const Tensor& x, const Tensor& timesteps);

} // namespace heat::tools
