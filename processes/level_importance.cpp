#include "processes/level_importance.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

LevelImportance::LevelImportance(int levels)
    : losses_(size_t(levels) * history, 0.f), counts_(size_t(levels), 0), short_of_history_(levels) {}

void LevelImportance::add(std::span<const int32_t> levels, std::span<const float> losses) {
    for (size_t i = 0; i < levels.size(); ++i) {
        const auto level = size_t(levels[i] - 1);
        float* const of_level = losses_.data() + level * history;
        if (counts_[level] == history) {
            std::copy(of_level + 1, of_level + history, of_level);
            of_level[history - 1] = losses[i];
        } else {
            of_level[counts_[level]++] = losses[i];
            short_of_history_ -= counts_[level] == history;
        }
    }
}

std::vector<double> LevelImportance::probabilities() const {
    const size_t levels = counts_.size();
    const double uniform = 1.0 / double(levels);
    std::vector<double> p(levels, uniform);
    if (!ready()) return p;
    double sum = 0;
    for (size_t n = 0; n < levels; ++n) {
        double squares = 0;
        for (size_t i = 0; i < history; ++i)
            squares += double(losses_[n * history + i]) * losses_[n * history + i];
        p[n] = std::sqrt(squares / history);
        sum += p[n];
    }
    // All zero, or not finite, which the training finds out itself.
    if (!(sum > 0) || !std::isfinite(sum)) return std::vector<double>(levels, uniform);
    for (double& value : p) value = value / sum * (1 - uniform_share) + uniform_share * uniform;
    return p;
}

void LevelImportance::apply_to(Process& process) const {
    process.set_level_distribution(ready() ? level_distribution(probabilities(), process.device())
                                           : LevelDistribution());
}

std::map<std::string, Tensor> LevelImportance::state() const {
    const auto levels = int64_t(counts_.size());
    return {{"losses", Tensor::from_host(Shape{levels, history}, losses_, Device::cpu)},
            {"counts", Tensor::from_host(Shape{levels}, counts_, Device::cpu)}};
}

void LevelImportance::set_state(const std::map<std::string, Tensor>& tensors) {
    const auto levels = int64_t(counts_.size());
    const auto losses = tensors.find("losses"), counts = tensors.find("counts");
    if (losses == tensors.end() || counts == tensors.end() ||
        losses->second.shape() != Shape{levels, history} || counts->second.shape() != Shape{levels} ||
        losses->second.dtype() != Dtype::f32 || counts->second.dtype() != Dtype::i32)
        throw Error(fmt::format("losses of levels: expected losses f32 {}×{} and counts i32 {}", levels,
                                history, levels));
    const auto* values = counts->second.data<int32_t>();
    std::vector<int32_t> counted(values, values + levels);
    for (const int32_t count : counted)
        if (count < 0 || count > history)
            throw Error(fmt::format("losses of levels: a count of {}, expected 0 to {}", count, history));
    losses_ = losses->second.to_host();
    counts_ = std::move(counted);
    short_of_history_ = std::count_if(counts_.begin(), counts_.end(), [](int32_t c) { return c < history; });
}

} // namespace heat::processes
