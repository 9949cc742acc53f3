#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// Sinusoidal timestep embedding, images × dimension, f32:
///   freq_i = exp(−ln(10000)·i/(half − frequency_shift)), i = 0..half−1, half = dimension/2
///   row = [sin(t·freq), cos(t·freq)], or [cos, sin] when cosine_first; an odd dimension ends in a 0.
/// (Vaswani et al. 2017; DDPM has frequency_shift 1 and sine first, IHDM 0 and cosine first.)
void sinusoidal_embedding(const Stream&, const float* timesteps, float* y, int images, int dimension,
                          bool cosine_first, float frequency_shift);

/// y[i,:] = table[index[i],:] (f32, rows of `width`); indices are trusted to lie inside the table.
void embedding_lookup(const Stream&, const float* table, const int32_t* index, float* y, int count,
                      int width);
/// d_table[index[i],:] += dy[i,:]; repeated indices add in order of i.
void embedding_backward(const Stream&, const float* dy, const int32_t* index, float* d_table, int count,
                        int rows, int width);

} // namespace heat::kernels
