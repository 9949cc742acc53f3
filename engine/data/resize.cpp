#include "engine/data/resize.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace heat {
namespace {

/// How one output row or column is made of those of the source.
struct Taps {
    int first = 0;
    std::vector<float> weights;
};

/// `part` source pixels, from `begin` on, become `target`.
std::vector<Taps> triangle_taps(int source, double begin, double part, int target) {
    const double scale = part / target, half_width = std::max(1., scale);
    std::vector<Taps> all(static_cast<size_t>(target));
    for (int i = 0; i < target; ++i) {
        const double centre = begin + (i + 0.5) * scale; // pixel k lies at k + 1/2
        const int first = std::clamp(int(std::floor(centre - half_width)), 0, source - 1);
        const int last = std::clamp(int(std::ceil(centre + half_width)), first + 1, source);
        std::vector<double> weights;
        double sum = 0;
        for (int k = first; k < last; ++k) {
            weights.push_back(std::max(0., 1. - std::abs(k + 0.5 - centre) / half_width));
            sum += weights.back();
        }
        Taps& taps = all[size_t(i)];
        taps.first = first;
        for (const double weight : weights) taps.weights.push_back(float(weight / sum));
    }
    return all;
}

} // namespace

Image8 resize_and_crop(const Image8& image, int height, int width) {
    if (height < 1 || width < 1)
        throw Error(fmt::format("images are resized to at least 1x1, got {}x{}", height, width));
    if (image.height == height && image.width == width) return image;
    const double scale = std::min(double(image.height) / height, double(image.width) / width);
    const double part_height = scale * height, part_width = scale * width;
    const std::vector<Taps> columns =
        triangle_taps(image.width, (image.width - part_width) / 2, part_width, width);
    const std::vector<Taps> rows =
        triangle_taps(image.height, (image.height - part_height) / 2, part_height, height);

    const auto channels = size_t(image.channels);
    const size_t source_row = size_t(image.width) * channels, row = size_t(width) * channels;
    const int top = rows.front().first;
    const int bottom = rows.back().first + int(rows.back().weights.size());
    std::vector<float> narrow(size_t(bottom - top) * row); // source rows, columns done
    for (int y = top; y < bottom; ++y) {
        const uint8_t* from = image.pixels.data() + size_t(y) * source_row;
        float* to = narrow.data() + size_t(y - top) * row;
        for (const Taps& taps : columns)
            for (size_t c = 0; c < channels; ++c) {
                const uint8_t* pixel = from + size_t(taps.first) * channels + c;
                float sum = 0;
                for (const float weight : taps.weights) {
                    sum += weight * float(*pixel);
                    pixel += channels;
                }
                *to++ = sum;
            }
    }
    Image8 result{height, width, image.channels, std::vector<uint8_t>(size_t(height) * row)};
    std::vector<float> sums(row);
    for (int y = 0; y < height; ++y) {
        const Taps& taps = rows[size_t(y)];
        std::fill(sums.begin(), sums.end(), 0.f);
        for (size_t k = 0; k < taps.weights.size(); ++k) {
            const float* from = narrow.data() + (size_t(taps.first - top) + k) * row;
            for (size_t x = 0; x < row; ++x) sums[x] += taps.weights[k] * from[x];
        }
        uint8_t* to = result.pixels.data() + size_t(y) * row;
        for (size_t x = 0; x < row; ++x) to[x] = uint8_t(std::clamp(sums[x] + 0.5f, 0.f, 255.f));
    }
    return result;
}

} // namespace heat
