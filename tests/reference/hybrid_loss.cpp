#include "tests/reference/hybrid_loss.h"

#include <algorithm>
#include <cmath>

namespace heat::reference {

namespace {
double normal_cdf(double z) {
    return 0.5 * std::erfc(-z / std::sqrt(2.0));
}
} // namespace

double gaussian_divergence(double difference, double log_of, double log_from) {
    return 0.5 * (log_from - log_of + std::exp(log_of - log_from) +
                  difference * difference * std::exp(-log_from) - 1);
}

double negative_log_likelihood(double x, double mean, double log_variance) {
    const double deviation = std::exp(0.5 * log_variance);
    const double above = normal_cdf((x - mean + 1.0 / 255) / deviation),
                 below = normal_cdf((x - mean - 1.0 / 255) / deviation);
    // In the upper tail the complements, which do not cancel.
    const double upper =
        normal_cdf(-(x - mean - 1.0 / 255) / deviation) - normal_cdf(-(x - mean + 1.0 / 255) / deviation);
    const double chance = x < -0.999  ? above
                          : x > 0.999 ? normal_cdf(-(x - mean - 1.0 / 255) / deviation)
                          : x > mean  ? upper
                                      : above - below;
    return -std::log(std::max(chance, 1e-12));
}

} // namespace heat::reference
