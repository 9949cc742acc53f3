#include "tests/reference/adam.h"

#include <cmath>
#include <cstddef>

namespace heat::reference {

void adam_step(const AdamOptions& o, int step, double ema_decay, const std::vector<double>& gradient,
               AdamState& state) {
    for (size_t i = 0; i < gradient.size(); ++i) {
        double& m = state.first_moment[i];
        double& v = state.second_moment[i];
        double& p = state.parameter[i];
        m = o.beta1 * m + (1. - o.beta1) * gradient[i];
        v = o.beta2 * v + (1. - o.beta2) * gradient[i] * gradient[i];
        const double m_hat = m / (1. - std::pow(o.beta1, step));
        const double v_hat = v / (1. - std::pow(o.beta2, step));
        p -= o.learning_rate * o.weight_decay * p;
        p -= o.learning_rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
        state.ema[i] = ema_decay * state.ema[i] + (1. - ema_decay) * p;
    }
}

} // namespace heat::reference
