#pragma once

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// One operand of an affine combination: data (images × points × channels, f32) times a row of a table that
/// is chosen per image: coefficient(i, p) = table[row(i)·width + (width == 1 ? 0 : p)], row(i) = rows ?
/// rows[i] : 0. Null data: left out; null table: ones.
struct DiagonalTerm {
    const float* data = nullptr;
    const float* table = nullptr;
};

/// y[i,p,c] = Σ_k coefficient_k(i,p)·data_k[i,p,c] for up to three terms: the step of every process that is
/// diagonal in a basis (docs/math.md §1), forward and reverse. Each image may be at its own timestep. width
/// is 1 (pixel basis) or `points` (one coefficient per eigenvalue). y may alias a term's data.
void diagonal_combination(const Stream&, const DiagonalTerm (&terms)[3], const int32_t* rows, int width,
                          float* y, int images, int points, int channels);

} // namespace heat::kernels
