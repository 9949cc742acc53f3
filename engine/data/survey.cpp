#include "engine/data/survey.h"

#include "engine/data/for_each_index.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

namespace heat {
namespace {

/// Whole numbers, so that the order of addition does not matter.
struct Sums {
    uint64_t count = 0;
    uint64_t value[3] = {}, square[3] = {}; // room for 2^48 pixels

    void add(const Image8& image) {
        uint64_t v[3] = {}, s[3] = {};
        const auto channels = size_t(image.channels);
        for (size_t i = 0; i < image.pixels.size(); i += channels)
            for (size_t c = 0; c < channels; ++c) {
                const uint64_t pixel = image.pixels[i + c];
                v[c] += pixel;
                s[c] += pixel * pixel;
            }
        count += image.pixels.size() / channels;
        for (size_t c = 0; c < 3; ++c) {
            value[c] += v[channels == 3 ? c : 0];
            square[c] += s[channels == 3 ? c : 0];
        }
    }
};

} // namespace

ImageSurvey survey_images(const ImageSource& images, int threads,
                          const std::function<void(uint32_t)>& report) {
    ImageSurvey survey;
    Sums sums;
    std::mutex mutex; // of both
    for_each_index(
        uint32_t(images.count()), threads,
        [&](uint32_t index) {
            try {
                const DecodedImage decoded = images.decode(index);
                const Image8& image = decoded.image;
                Sums of_image;
                of_image.add(image);
                const std::lock_guard lock(mutex);
                ++survey.sizes[{image.height, image.width}];
                ++survey.kinds[decoded.bits > 8 ? fmt::format("{}-bit {}", decoded.bits, decoded.colours)
                                                : std::string(decoded.colours)];
                survey.bytes += image.pixels.size();
                if (image.channels == 3) survey.channels = 3;
                sums.count += of_image.count;
                for (size_t c = 0; c < 3; ++c) {
                    sums.value[c] += of_image.value[c];
                    sums.square[c] += of_image.square[c];
                }
            } catch (const Error& error) {
                const std::lock_guard lock(mutex);
                survey.unreadable.emplace_back(index, error.what());
            }
        },
        report);
    std::sort(survey.unreadable.begin(), survey.unreadable.end());
    for (size_t c = 0; c < size_t(survey.channels) && sums.count > 0; ++c) {
        const double mean = double(sums.value[c]) / double(sums.count);
        const double variance = double(sums.square[c]) / double(sums.count) - mean * mean;
        survey.mean[c] = mean;
        survey.standard_deviation[c] = std::sqrt(std::max(variance, 0.));
    }
    return survey;
}

} // namespace heat
