#pragma once

#include "kernels/stream.h"

namespace heat::kernels {

/// Classifier-free guidance of each image i (Ho & Salimans 2022): with c and u the network's outputs with and
/// without the class and w = scale where first ≤ timesteps[i] ≤ last, else 1,
///   g = w·c + (1 − w)·u = u + w·(c − u),   y = g·(rescale·std(c)/std(g) + 1 − rescale),
/// std over the elements of the image (Lin et al. 2023; a g of no deviation is left alone). y may be c or u.
struct GuidanceRule {
    float scale = 1, rescale = 0;
    float first = 0, last = 0; ///< timesteps between which the scale applies
};
void guided_output(const Stream&, const float* conditional, const float* unconditional,
                   const float* timesteps, float* y, int images, int elements, const GuidanceRule& rule);

} // namespace heat::kernels
