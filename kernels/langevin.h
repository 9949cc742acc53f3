#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// One step of Langevin dynamics (Song et al. 2021, algorithms 4 and 5): x ← x + step·g + noise·√(2·step)·z
/// with step = 2α(snr·‖z‖/‖g‖)², of f32 images × elements; g is the score, z white noise. The norms come from
/// score_squares and noise_squares, ‖g‖² and ‖z‖² of each image (kernels/image_dots.h); `batch_norms` takes
/// their means over all images in place of the image's own. An image without a score stays. Everything lies
/// in the stream's memory.
void langevin_step(const Stream&, float* x, const float* score, const float* z, const float* score_squares,
                   const float* noise_squares, float alpha, float snr, float noise, bool batch_norms,
                   int images, int elements);

} // namespace heat::kernels
