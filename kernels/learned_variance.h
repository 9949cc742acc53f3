#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

// Networks that predict a variance too have 2C output channels: the prediction o, then v of each element.
// All arrays are f32, images × points × channels.

/// prediction = channels 0..C of output, which has 2C.
void take_prediction(const Stream&, const float* output, float* prediction, int64_t images, int64_t points,
                     int channels);

/// noise[i,p,c] *= exp((v+1)/2·high + (1−v)/2·low), v = output[i,p,C+c]: noise of the deviation that lies at
/// v in −1..1 between those whose logarithms are low and high (Nichol & Dhariwal 2021, eq. 15), which are
/// low[row(i)] and high[row(i)], row(i) = rows ? rows[i] : 0.
void scale_noise(const Stream&, const float* output, const float* low, const float* high, const int32_t* rows,
                 float* noise, int64_t images, int64_t points, int channels);

} // namespace heat::kernels
