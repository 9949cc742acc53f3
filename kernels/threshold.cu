#include "kernels/error.h"
#include "kernels/parallel.h"
#include "kernels/threshold.h"

#include <climits>
#include <cmath>
#include <string>

namespace heat::kernels {

namespace {

/// One team per image. An order statistic is found by bisection over the bits of its float: those of positive
/// floats are ordered as the floats are.
struct DynamicThreshold {
    float* x;
    int elements;
    float middle, half;
    int rank;       ///< of the order statistic below the quantile, from 0
    float fraction; ///< how far to the next one
    float limit;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = elements;
        float* image = x + int64_t(team.index()) * n;
        const float centre = middle, scale = half, needed = float(rank) + 1.f;
        uint32_t first = 0, last = 0x7f800000u; // 0 to infinity
        while (first < last) {
            const uint32_t bits = first + (last - first) / 2;
            const float bound = __builtin_bit_cast(float, bits);
            const float within =
                team.sum(n, [=](int i) { return fabsf(image[i] - centre) / scale <= bound ? 1.f : 0.f; });
            if (within >= needed)
                last = bits;
            else
                first = bits + 1;
        }
        const float below = __builtin_bit_cast(float, first);
        float quantile = below;
        if (fraction > 0.f) {
            const float within =
                team.sum(n, [=](int i) { return fabsf(image[i] - centre) / scale <= below ? 1.f : 0.f; });
            if (within < needed + 1.f) {
                const float above = -team.max(n, [=](int i) {
                    const float d = fabsf(image[i] - centre) / scale;
                    return d > below ? -d : -INFINITY;
                });
                quantile = below + fraction * (above - below);
            }
        }
        float s = quantile < limit ? quantile : limit;
        s = s > 1.f ? s : 1.f;
        team.sync(); // every member has read the image
        team.for_each(n, [=](int i) {
            const float d = (image[i] - centre) / scale;
            image[i] = (d < -s ? -s : (d > s ? s : d)) / s * scale + centre;
        });
    }
};

} // namespace

void dynamic_threshold(const Stream& stream, float* x, int64_t images, int64_t elements, float low,
                       float high, double ratio, float limit) {
    constexpr int64_t most = 1 << 24; // counts are floats
    if (images > INT_MAX || elements < 1 || elements > most)
        throw Error("dynamic threshold takes images of 1 to 16777216 elements, not " +
                    std::to_string(elements));
    const double position = ratio * double(elements - 1);
    const int rank = int(std::floor(position));
    parallel_teams(stream, int(images),
                   DynamicThreshold{x, int(elements), 0.5f * (low + high), 0.5f * (high - low), rank,
                                    float(position - rank), limit});
}

} // namespace heat::kernels
