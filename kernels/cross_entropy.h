#pragma once

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// per_image[n] = log Σ_k exp(logits[n,k]) − logits[n,labels[n]], f32, and loss = scale · Σ_n per_image[n] in
/// the order of n. Labels are trusted to lie in 0 … classes−1.
void cross_entropy_forward(const Stream&, const float* logits, const int32_t* labels, float* per_image,
                           float* loss, int images, int classes, float scale);

/// d[n,k] = upstream[0] · scale · (softmax(logits[n,:])_k − [k = labels[n]]).
void cross_entropy_backward(const Stream&, const float* logits, const int32_t* labels, const float* upstream,
                            float* d, int images, int classes, float scale);

} // namespace heat::kernels
