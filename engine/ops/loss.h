#pragma once

#include "engine/variable.h"

namespace heat {

/// How the error of an element counts.
enum class LossKind { squared, absolute };

struct BatchLoss {
    Variable loss;    ///< one f32 element
    Tensor per_image; ///< N f32: Σ over the image's elements, unweighted
};

/// loss = scale · Σ_i weight[i] · ‖prediction_i − target_i‖². prediction N×… f32 or bf16, target f32 of the
/// same shape, weight N f32 or undefined (ones). scale = 1/prediction.count() is the mean squared error.
BatchLoss squared_error(const Variable& prediction, const Tensor& target, const Tensor& weight, float scale);

/// loss = scale · Σ_i weight[i] · Σ_e |prediction_ie − target_ie|, otherwise like squared_error; the gradient
/// is 0 where the two are equal.
BatchLoss absolute_error(const Variable& prediction, const Tensor& target, const Tensor& weight, float scale);

} // namespace heat
