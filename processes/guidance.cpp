#include "processes/guidance.h"

#include "engine/profiler.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {
namespace {

/// The guided levels as timesteps. An interval between two levels holds none of them.
kernels::GuidanceRule rule_of(const Guidance& guidance, const Process& process) {
    kernels::GuidanceRule rule{float(guidance.scale), float(guidance.rescale), 1.f, 0.f};
    constexpr double rounding = 1e-9; // 0.3 · 1000 is level 300
    const int low = std::max(int(std::ceil(guidance.low * process.steps() - rounding)), 1);
    const int high = int(std::floor(guidance.high * process.steps() + rounding));
    if (low <= high) {
        rule.first = process.timestep_of_level(low);
        rule.last = process.timestep_of_level(high);
    }
    return rule;
}

} // namespace

void check(const Guidance& g) {
    if (!(g.scale >= 0.0 && g.scale <= 1e3))
        throw Error(fmt::format("guidance scale {}: expected a number from 0 to 1000", g.scale));
    if (!(g.rescale >= 0.0 && g.rescale <= 1.0))
        throw Error(fmt::format("guidance rescale {}: expected a number from 0 to 1", g.rescale));
    if (!(g.low >= 0.0 && g.low < g.high && g.high <= 1.0))
        throw Error(
            fmt::format("guidance interval {},{}: expected 0 ≤ low < high ≤ 1, shares of the levels from "
                        "data (0) to noise (1)",
                        g.low, g.high));
}

GuidedDenoiser::GuidedDenoiser(ClassDenoiser& network, ClassLabels labels, int32_t null_class,
                               const Guidance& guidance, const Process& process)
    : network_(network), labels_(std::move(labels)), null_class_(null_class) {
    check(guidance);
    if (labels_.empty()) throw Error("guidance: no classes to be guided to");
    rule_ = rule_of(guidance, process);
}

void GuidedDenoiser::begin_batch(uint32_t first_image, int64_t count) {
    network_.begin_batch(first_image, count);
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < count; ++i) labels.push_back(labels_.of(uint64_t(first_image) + uint64_t(i)));
    labels.resize(size_t(2 * count), null_class_);
    conditional_ = Tensor(); // made on the device of the first call
    both_ = Tensor::from_host(Shape{2 * count}, labels, Device::cpu);
}

bool GuidedDenoiser::is_unguided(const Tensor& timesteps) const {
    if (rule_.scale == 1.f || rule_.first > rule_.last) return true;
    if (timesteps.device() != Device::cpu) return false; // it would have to wait
    const float* t = timesteps.data<float>();
    return std::all_of(t, t + timesteps.count(),
                       [this](float value) { return value < rule_.first || value > rule_.last; });
}

Tensor GuidedDenoiser::predict(const Tensor& x, const Tensor& timesteps) {
    const int64_t count = x.shape()[0];
    if (!both_.defined() || both_.count() != 2 * count) begin_batch(0, count);
    if (!conditional_.defined()) {
        both_ = both_.to(x.device());
        conditional_ = both_.slice(0, count);
    }
    if (is_unguided(timesteps)) return network_.predict_classes(x, timesteps, conditional_);
    std::vector<int64_t> extents = x.shape().extents();
    extents[0] = 2 * count;
    Tensor pair(Shape(extents), x.dtype(), x.device()), times(Shape{2 * count}, Dtype::f32, x.device());
    for (const int64_t first : {int64_t(0), count}) {
        pair.images(first, count).copy_from(x);
        times.slice(first, count).copy_from(timesteps);
    }
    const Tensor output = network_.predict_classes(pair, times, both_);
    Tensor guided = output.images(0, count);
    const ProfileScope scope("guided output", x.device(), [&] {
        return OpWork{3.0 * double(guided.bytes()), 3.0 * double(guided.count()), guided.shape().text()};
    });
    kernels::guided_output(guided.stream(), guided.data<float>(), output.images(count, count).data<float>(),
                           timesteps.data<float>(), guided.data<float>(), int(count),
                           int(guided.count() / count), rule_);
    return guided;
}

} // namespace heat::processes
