#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

constexpr int most_rates = 7;

/// Σ_j coefficients[j]·rates[j] of f32 images × elements; null rates are left out.
struct RateSum {
    const float* rates[most_rates] = {};
    float coefficients[most_rates] = {};
};

/// y = x + steps[i]·sum for image i: a stage of a Runge–Kutta method in which each image has its own step.
/// All arrays, steps too, lie in the stream's memory. y may be x.
void runge_kutta_stage(const Stream&, const float* x, const float* steps, const RateSum& sum, float* y,
                       int images, int elements);

/// out[i] = Σ_e (steps[i]·sum_e / (absolute + relative·max(|x_e|, |y_e|)))²: the size of an error beside what
/// is tolerated.
void scaled_square_sums(const Stream&, const float* x, const float* y, const float* steps, const RateSum& sum,
                        float absolute, float relative, float* out, int images, int elements);

} // namespace heat::kernels
