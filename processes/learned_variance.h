#pragma once

#include "engine/ops/hybrid_loss.h"
#include "processes/loss_weight.h"

namespace heat::processes {

/// What the variational bound counts beside the squared error where the variance is learned (Nichol &
/// Dhariwal 2021, λ = 0.001): λ·N/ln 2, the bound being a sum over N levels, in bits.
double bound_share(int levels);

/// The rows hybrid_loss takes for levels 0..N of tables of width 1: `simple` are the weights of the squared
/// error (loss_weights). The variance lies between the posterior's β̃_t and s²_{t|t−1} (β_t), in logarithms,
/// and the mean's error is that of the prediction times a_{t−1} s²_{t|t−1}/s_t² times what û_0 takes of the
/// prediction. Throws Error where there is one level alone, or a row does not fit f32.
std::vector<HybridLevel> hybrid_levels(const DiagonalTables& tables, Prediction prediction,
                                       const std::vector<double>& simple);

} // namespace heat::processes
