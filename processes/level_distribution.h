#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <vector>

namespace heat::processes {

/// Probabilities of the levels 1..N a training batch is drawn from, in device memory, and the weights that
/// keep the loss's mean that of levels drawn uniformly. Undefined: uniform.
struct LevelDistribution {
    Tensor thresholds; ///< i32 bits of u32, N: 2³²·Σ_{i<=n} p_i of levels 1..N−1, and a last one that is not
                       ///< read
    Tensor weights;                   ///< f32 (N + 1)×1: 1/(N p_n); 0 at level 0
    std::vector<double> host_weights; ///< the same, on the host

    bool defined() const { return thresholds.defined(); }
};

/// 2³²·Σ_{i<=n} p_i for n = 1..N−1, rounded so that each level keeps a share of at least 1; the shares, not
/// the probabilities asked for, are then exactly what is drawn. `probabilities` are those of levels 1..N and
/// add up to 1.
std::vector<uint32_t> level_thresholds(const std::vector<double>& probabilities);

/// 1/(N p_n) of levels 1..N (element 0 is 0), p_n being the shares of the thresholds.
std::vector<double> level_weights(const std::vector<uint32_t>& thresholds);

/// Throws Error unless the probabilities are finite, none below 0, with a sum of 1 up to rounding.
LevelDistribution level_distribution(const std::vector<double>& probabilities, Device device);

/// weight_i · table[levels_i] for f32 N weights (undefined: ones), table f32 (N + 1)×1, levels i32 N, all on
/// one device.
Tensor weighted_by_level(const Tensor& weight, const Tensor& table, const Tensor& levels);

} // namespace heat::processes
