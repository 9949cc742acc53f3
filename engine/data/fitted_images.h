#pragma once

#include "engine/data/image_source.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace heat {

/// What images are made into.
struct ImageFit {
    int height = 0, width = 0, channels = 0; ///< channels 1 or 3
    /// Whether an image of another size is scaled and cropped (resize_and_crop) or refused.
    bool resize = true;
};

/// The image so made. Throws Error, `name` in the message, for another size where that is refused.
Image8 fitted(Image8 image, const ImageFit& fit, const std::string& name);

struct LoadOptions {
    uint64_t memory_limit = uint64_t{4} << 30; ///< bytes that decoded images may take
    int threads = 1;                           ///< to decode with
    std::function<void(uint32_t)> report;      ///< called with the number of images decoded so far
};

/// The images of a set, all made into one size and number of channels. They are decoded once, now, and held
/// in memory, where count·height·width·channels bytes are within the limit; otherwise each time they are
/// asked for. A set in memory that fits already comes back as it is. Throws Error naming the first image that
/// cannot be read or is refused; of images that are not decoded now, only when they are asked for.
std::unique_ptr<ImageSource> fit_images(std::unique_ptr<ImageSource> images, const ImageFit& fit,
                                        const LoadOptions& options);

} // namespace heat
