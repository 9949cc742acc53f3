#pragma once

#include <vector>

namespace heat::reference {

struct AdamOptions {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
};

struct AdamState {
    std::vector<double> parameter, first_moment, second_moment, ema;
};

/// Step number `step` = 1, 2, … of Adam with decoupled weight decay (Kingma & Ba 2015, algorithm 1;
/// Loshchilov & Hutter 2019, algorithm 2), then of the exponential moving average of the parameters.
void adam_step(const AdamOptions&, int step, double ema_decay, const std::vector<double>& gradient,
               AdamState& state);

} // namespace heat::reference
