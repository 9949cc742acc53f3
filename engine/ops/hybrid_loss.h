#pragma once

#include "engine/ops/loss.h"
#include "kernels/hybrid_loss.h"

#include <vector>

namespace heat {

using kernels::HybridLevel;

/// What hybrid_loss compares a network's output with; all on one device.
struct HybridTarget {
    Tensor target;   ///< f32 N×…×C: of the prediction
    Tensor clean;    ///< f32 N×…×C: the images, in −1..1
    Tensor levels;   ///< i32 N: rows of the table
    Tensor table;    ///< hybrid_table()
    float bound = 0; ///< what the bound's terms, in nats, count beside the squared error

    bool defined() const { return table.defined(); }
};

/// A table of one row for each level 0..N (that of 0 is not read), f32 (N + 1)×5.
Tensor hybrid_table(const std::vector<HybridLevel>& rows, Device device);

/// loss = scale · Σ_i weight_i · per_image_i for a network that predicts the mean and the variance of its
/// step (Nichol & Dhariwal 2021): the squared error of the prediction, and `bound` times the variational
/// bound's term, in which the mean is held fixed (no gradient), so that it trains the variance alone
/// (kernels/hybrid_loss.h). output N×…×2C, f32 or bf16: C channels of prediction, C of v. weight N f32 or
/// undefined (ones).
BatchLoss hybrid_loss(const Variable& output, const HybridTarget& target, const Tensor& weight, float scale);

} // namespace heat
