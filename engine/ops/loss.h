#pragma once

#include "engine/variable.h"
#include "kernels/reduce.h"

namespace heat {

using kernels::LossKind;

struct BatchLoss {
    Variable loss;    ///< one f32 element
    Tensor per_image; ///< N f32: Σ over the image's elements, unweighted
};

/// loss = scale · Σ_i weight[i] · Σ_e of what prediction_ie − target_ie counts. prediction N×… f32 or bf16,
/// target f32 of the same shape, weight N f32 or undefined (ones). With scale = 1/prediction.count() it is
/// the mean.
BatchLoss weighted_error(LossKind kind, const Variable& prediction, const Tensor& target,
                         const Tensor& weight, float scale);
inline BatchLoss squared_error(const Variable& prediction, const Tensor& target, const Tensor& weight,
                               float scale) {
    return weighted_error(LossKind::squared, prediction, target, weight, scale);
}
/// Its gradient is 0 where the two are equal.
inline BatchLoss absolute_error(const Variable& prediction, const Tensor& target, const Tensor& weight,
                                float scale) {
    return weighted_error(LossKind::absolute, prediction, target, weight, scale);
}

} // namespace heat
