#include "kernels/learned_variance.h"
#include "kernels/parallel.h"

#include <cmath>

namespace heat::kernels {

namespace {

struct TakePrediction {
    const float* output;
    float* prediction;
    int channels;

    template <int V>
    HEAT_HD void at(int64_t first) const {
        for (int64_t i = first; i < first + V; ++i)
            prediction[i] = output[i / channels * (2 * channels) + i % channels];
    }
};

struct ScaleNoise {
    const float* output;
    const float* low;
    const float* high;
    const int32_t* rows;
    float* noise;
    int64_t image_elements;
    int channels;

    template <int V>
    HEAT_HD void at(int64_t first) const {
        for (int64_t i = first; i < first + V; ++i) {
            const int row = rows ? rows[i / image_elements] : 0;
            const float v = output[i / channels * (2 * channels) + channels + i % channels];
            const float share = 0.5f * (v + 1.f);
            noise[i] *= expf(share * high[row] + (1.f - share) * low[row]);
        }
    }
};

} // namespace

void take_prediction(const Stream& stream, const float* output, float* prediction, int64_t images,
                     int64_t points, int channels) {
    parallel_for<1>(stream, images * points * channels, TakePrediction{output, prediction, channels});
}

void scale_noise(const Stream& stream, const float* output, const float* low, const float* high,
                 const int32_t* rows, float* noise, int64_t images, int64_t points, int channels) {
    parallel_for<1>(stream, images * points * channels,
                    ScaleNoise{output, low, high, rows, noise, points * channels, channels});
}

} // namespace heat::kernels
