#pragma once

#include "engine/variable.h"

namespace heat {

struct SquaredError {
    Variable loss;    ///< one f32 element
    Tensor per_image; ///< N f32: Σ over the image's elements, unweighted
};

/// loss = scale · Σ_i weight[i] · ‖prediction_i − target_i‖². prediction N×… f32 or bf16, target f32 of the
/// same shape, weight N f32 or undefined (ones). scale = 1/prediction.count() is the mean squared error.
SquaredError squared_error(const Variable& prediction, const Tensor& target, const Tensor& weight,
                           float scale);

} // namespace heat
