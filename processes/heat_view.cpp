#include "processes/heat_view.h"

#include "engine/random.h"

#include <algorithm>
#include <cmath>

namespace heat::processes {

Tensor HeatView::state_of(const Tensor& images) const {
    return powers(images, {&steps_, 1});
}

Tensor HeatView::images_of(const Tensor& states) const {
    const int exponent = -steps_;
    return powers(states, {&exponent, 1});
}

Tensor HeatView::seen(const Tensor& states, std::span<const int> levels) const {
    if (sees_v_) return states;
    std::vector<int> exponents;
    for (const int level : levels) exponents.push_back(level - steps_);
    return powers(states, exponents);
}

Tensor SolverHeatView::powers(const Tensor& images, std::span<const int> exponents) const {
    return solver_->apply(images, exponents);
}

StepCost SolverHeatView::cost(int channels) const {
    if (sees_v()) return {};
    const Tensor image = normal(RandomState(0, Device::cpu),
                                Shape{1, solver_->height(), solver_->width(), channels}, Purpose::prior);
    SolverStatistics statistics;
    (void)solver_->apply(image, std::max(1, steps() / 2) - steps(), &statistics);
    return {statistics.bytes, statistics.flops};
}

Tensor RandomHeatView::powers(const Tensor& images, std::span<const int> exponents) const {
    std::vector<double> gains;
    for (const int exponent : exponents)
        for (const double log_eigenvalue : log_eigenvalues_)
            gains.push_back(std::exp(exponent * log_eigenvalue));
    return operator_->apply(images, gains);
}

StepCost RandomHeatView::cost(int channels) const {
    if (sees_v()) return {};
    const auto n = double(log_eigenvalues_.size());
    return {8 * (2 * n * n + 4 * n * channels), 4 * n * n * channels}; // two products with the eigenvectors
}

} // namespace heat::processes
