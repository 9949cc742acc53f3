#pragma once

#include "engine/data/image_source.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace heat {

/// What the images of a set are like.
struct ImageSurvey {
    int channels = 1; ///< 3 when any image is RGB
    /// How many images there are of each height and width, and of each kind: "RGB", "16-bit grey".
    std::map<std::pair<int, int>, int> sizes;
    std::map<std::string, int> kinds;
    uint64_t bytes = 0; ///< of all images, decoded to 8 bits
    /// Of all pixels, 0…255, for each channel; with 3 channels a grey image counts as RGB.
    double mean[3] = {}, standard_deviation[3] = {};
    std::vector<std::pair<uint32_t, std::string>> unreadable; ///< index and reason of each
};

/// Decodes each image once, on `threads` threads. The figures do not depend on the number of threads.
/// `report` is called with the number of images done.
ImageSurvey survey_images(const ImageSource& images, int threads,
                          const std::function<void(uint32_t)>& report = {});

} // namespace heat
