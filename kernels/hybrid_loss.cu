#include "kernels/hybrid_loss.h"
#include "kernels/math.h"
#include "kernels/parallel.h"

#include <cmath>

namespace heat::kernels {

namespace {

/// e^{−d} − 1 + d, without the cancellation near 0.
HEAT_HD float exponential_rest(float d) {
    float series = -1.9841270e-4f;
    series = fmaf(series, d, 1.3888889e-3f);
    series = fmaf(series, d, -8.3333333e-3f);
    series = fmaf(series, d, 4.1666667e-2f);
    series = fmaf(series, d, -0.16666667f);
    series = fmaf(series, d, 0.5f);
    const float near = series * d * d, far = exp_f32(-d) - 1.f + d;
    return d < 0.25f && d > -0.25f ? near : far;
}

/// KL of N(·, β̃) from N(·, β̃ e^d) whose means differ by error²·precision·β̃, and its derivative by d.
struct Divergence {
    float value, slope;
};
HEAT_HD Divergence divergence(float d, float scaled_square) {
    const float rest = exponential_rest(d), shrink = rest - d + 1.f; // e^{−d}
    return {0.5f * (rest + scaled_square * shrink), 0.5f * (d - rest - scaled_square * shrink)};
}

/// −log of the chance that N(x − centered, e^{log_variance}) falls in the bin of x, at least 1e-12, and its
/// derivative by log_variance. The outermost bins are unbounded.
HEAT_HD Divergence bin_likelihood(float x, float centered, float log_variance) {
    constexpr float half_bin = 1.f / 255.f, root_half = 0.70710678f, density = 0.39894228f, least = 1e-12f;
    const float inverse = expf(-0.5f * log_variance);
    float low = 0.f, high = 0.f, chance = 0.f; // deviations from the mean; both in the same tail
    bool bounded_low = true, bounded_high = true;
    if (x < -0.999f) {
        high = (centered + half_bin) * inverse;
        bounded_low = false;
        chance = 0.5f * erfcf(-high * root_half);
    } else if (x > 0.999f) {
        low = (centered - half_bin) * inverse;
        bounded_high = false;
        chance = 0.5f * erfcf(low * root_half);
    } else {
        const float distance = centered < 0.f ? -centered : centered;
        low = (distance - half_bin) * inverse;
        high = (distance + half_bin) * inverse;
        chance = 0.5f * (erfcf(low * root_half) - erfcf(high * root_half));
    }
    if (!(chance > least)) return {27.631021f, 0.f};
    float slope = 0.f; // of the chance
    if (bounded_low) slope += 0.5f * low * density * expf(-0.5f * low * low);
    if (bounded_high) slope -= 0.5f * high * density * expf(-0.5f * high * high);
    return {-logf(chance), -slope / chance};
}

HEAT_HD int output_index(int element, int channels) {
    return element / channels * 2 * channels + element % channels;
}

template <class T>
struct ImageLosses {
    const T* output;
    const float *target, *clean;
    const int32_t* levels;
    const HybridLevel* table;
    float bound;
    int pixels, channels;
    float* per_image;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index(), count = pixels * channels, width = channels;
        const T* out = output + int64_t(image) * 2 * count;
        const float *wanted = target + int64_t(image) * count, *images = clean + int64_t(image) * count;
        const HybridLevel row = table[levels[image]];
        const bool first = levels[image] == 1;
        const float factor = bound;
        const auto squared = [=](int i) {
            const float error = to_float(out[output_index(i, width)]) - wanted[i];
            return error * error;
        };
        const auto step = [=](int i) {
            const float d = row.span * 0.5f * (to_float(out[output_index(i, width) + width]) + 1.f);
            return divergence(d, row.precision * squared(i)).value;
        };
        const auto data = [=](int i) {
            const int at = output_index(i, width);
            const float log_variance = row.log_low + row.span * 0.5f * (to_float(out[at + width]) + 1.f);
            return bin_likelihood(images[i], row.mean * (to_float(out[at]) - wanted[i]), log_variance).value;
        };
        const float squares = team.sum(count, squared);
        const float rest = first ? team.sum(count, data) : team.sum(count, step);
        float* result = per_image + image;
        team.for_each(1, [=](int) { *result = row.simple * squares + factor * rest; });
    }
};

template <class T>
struct ImageGradients {
    const T* output;
    const float *target, *clean;
    const int32_t* levels;
    const HybridLevel* table;
    float bound;
    const float *weight, *upstream;
    float scale;
    int pixels, channels;
    T* d_output;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index(), count = pixels * channels, width = channels;
        const T* out = output + int64_t(image) * 2 * count;
        const float *wanted = target + int64_t(image) * count, *images = clean + int64_t(image) * count;
        T* d = d_output + int64_t(image) * 2 * count;
        const HybridLevel row = table[levels[image]];
        const bool first = levels[image] == 1;
        const float share = *upstream * scale * (weight ? weight[image] : 1.f);
        const float of_square = 2.f * share * row.simple, of_bound = 0.5f * share * bound * row.span;
        team.for_each(count, [=](int i) {
            const int at = output_index(i, width);
            const float error = to_float(out[at]) - wanted[i];
            const float above = row.span * 0.5f * (to_float(out[at + width]) + 1.f);
            const float slope = first ? bin_likelihood(images[i], row.mean * error, row.log_low + above).slope
                                      : divergence(above, row.precision * error * error).slope;
            d[at] = from_float<T>(of_square * error);
            d[at + width] = from_float<T>(of_bound * slope);
        });
    }
};

} // namespace

template <class T>
void hybrid_loss(const Stream& stream, const T* output, const float* target, const float* clean,
                 const int32_t* levels, const HybridLevel* table, float bound, int images, int pixels,
                 int channels, float* per_image) {
    parallel_teams(stream, images,
                   ImageLosses<T>{output, target, clean, levels, table, bound, pixels, channels, per_image});
}

template <class T>
void hybrid_loss_backward(const Stream& stream, const T* output, const float* target, const float* clean,
                          const int32_t* levels, const HybridLevel* table, float bound, const float* weight,
                          float scale, const float* upstream, int images, int pixels, int channels,
                          T* d_output) {
    parallel_teams(stream, images,
                   ImageGradients<T>{output, target, clean, levels, table, bound, weight, upstream, scale,
                                     pixels, channels, d_output});
}

template void hybrid_loss(const Stream&, const float*, const float*, const float*, const int32_t*,
                          const HybridLevel*, float, int, int, int, float*);
template void hybrid_loss(const Stream&, const bf16*, const float*, const float*, const int32_t*,
                          const HybridLevel*, float, int, int, int, float*);
template void hybrid_loss_backward(const Stream&, const float*, const float*, const float*, const int32_t*,
                                   const HybridLevel*, float, const float*, float, const float*, int, int,
                                   int, float*);
template void hybrid_loss_backward(const Stream&, const bf16*, const float*, const float*, const int32_t*,
                                   const HybridLevel*, float, const float*, float, const float*, int, int,
                                   int, bf16*);

} // namespace heat::kernels
