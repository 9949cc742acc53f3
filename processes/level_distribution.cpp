#include "processes/level_distribution.h"

#include "kernels/error.h"
#include "processes/combination.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {
constexpr double whole = 4294967296.0; // 2³²
} // namespace

std::vector<uint32_t> level_thresholds(const std::vector<double>& probabilities) {
    const auto levels = int64_t(probabilities.size());
    std::vector<uint32_t> thresholds;
    double sum = 0;
    int64_t last = 0;
    for (int64_t n = 1; n < levels; ++n) {
        sum += probabilities[size_t(n - 1)];
        const auto wanted = int64_t(std::llround(std::clamp(sum, 0.0, 1.0) * whole));
        last = std::max(last + 1, std::min(wanted, int64_t(whole) - (levels - n)));
        thresholds.push_back(uint32_t(last));
    }
    return thresholds;
}

std::vector<double> level_weights(const std::vector<uint32_t>& thresholds) {
    const size_t levels = thresholds.size() + 1;
    std::vector<double> weights{0.0};
    for (size_t n = 1; n <= levels; ++n) {
        const double below = n > 1 ? double(thresholds[n - 2]) : 0.0,
                     above = n < levels ? double(thresholds[n - 1]) : whole;
        weights.push_back(whole / (double(levels) * (above - below)));
    }
    return weights;
}

LevelDistribution level_distribution(const std::vector<double>& probabilities, Device device) {
    double sum = 0;
    for (const double p : probabilities) {
        if (!(p >= 0) || !std::isfinite(p))
            throw Error(fmt::format("probabilities of levels: expected none below 0, got {}", p));
        sum += p;
    }
    if (!(std::abs(sum - 1) < 1e-9))
        throw Error(fmt::format("probabilities of {} levels: expected a sum of 1, got {}",
                                probabilities.size(), sum));
    const std::vector<uint32_t> thresholds = level_thresholds(probabilities);
    std::vector<double> weights = level_weights(thresholds);
    std::vector<int32_t> bits(thresholds.begin(), thresholds.end());
    bits.push_back(-1);
    const auto count = int64_t(bits.size());
    const std::vector<float> rounded(weights.begin(), weights.end());
    return {Tensor::from_host(Shape{count}, bits, device), upload_table(rounded, 1, device),
            std::move(weights)};
}

Tensor weighted_by_level(const Tensor& weight, const Tensor& table, const Tensor& levels) {
    const int64_t count = levels.count();
    const Tensor before = weight.defined() ? weight : Tensor::full(Shape{count}, 1.f, levels.device());
    Tensor product(Shape{count, 1, 1, 1}, Dtype::f32, levels.device());
    combine({{before.reshape(product.shape()), table}}, levels.data<int32_t>(), product);
    return product.reshape(Shape{count});
}

} // namespace heat::processes
