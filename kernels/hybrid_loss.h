#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// What the loss of a network that predicts mean and variance takes of a level t (docs/math.md §7), a row of
/// five f32.
struct HybridLevel {
    float simple;    ///< weight of the squared error
    float mean;      ///< m: the posterior's mean is off by m times the error of the prediction
    float precision; ///< m²/β̃_t; not read at t = 1
    float log_low;   ///< log β̃_t (that of level 2 at level 1): log V where the network says −1
    float span;      ///< log of the upper variance less log_low: log V = log_low + span·(v + 1)/2
};

/// per_image[i] = Σ_e simple·error² + bound·L, over image i's `pixels` × `channels` elements: error =
/// prediction − target, L in nats: the divergence of the posterior from the network's step at levels from 2,
/// the negative log-likelihood of `clean` in 256 bins over −1..1 at level 1. output T, images × pixels ×
/// 2·channels: predictions, then v. target, clean f32, images × pixels × channels; levels i32 of images, rows
/// of `table`.
template <class T>
void hybrid_loss(const Stream&, const T* output, const float* target, const float* clean,
                 const int32_t* levels, const HybridLevel* table, float bound, int images, int pixels,
                 int channels, float* per_image);
/// d_output = upstream[0] · scale · weight[i] · slope; weight may be null (ones). L is differentiated by v
/// alone.
template <class T>
void hybrid_loss_backward(const Stream&, const T* output, const float* target, const float* clean,
                          const int32_t* levels, const HybridLevel* table, float bound, const float* weight,
                          float scale, const float* upstream, int images, int pixels, int channels,
                          T* d_output);

} // namespace heat::kernels
