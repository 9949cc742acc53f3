#include "tools/classifier_accuracy.h"

#include <algorithm>
#include <cmath>

namespace heat::tools {

Classified classify(const nets::UNet& network, Dtype dtype, const Tensor& x, const Tensor& timesteps) {
    const NoGradient none;
    const Tensor logits = network
                              .forward(Variable(x), timesteps,
                                       {.dtype = dtype, .dropout = nullptr, .image_offset = 0, .labels = {}})
                              .value();
    const std::vector<float> values = logits.to_host();
    const auto classes = std::ptrdiff_t(logits.shape()[1]);
    Classified result;
    for (auto row = values.begin(); row != values.end(); row += classes) {
        const auto best = std::max_element(row, row + classes);
        double total = 0;
        for (auto k = row; k != row + classes; ++k) total += std::exp(double(*k) - double(*best));
        result.classes.push_back(int32_t(best - row));
        result.probabilities.push_back(float(1.0 / total));
    }
    return result;
}

void LevelAccuracy::add(const nets::UNet& network, Dtype dtype, const processes::Process& process,
                        const Tensor& images, const Tensor& labels, const RandomState& random,
                        uint32_t image_offset) {
    const processes::TrainingBatch b = process.training_batch(images, random, image_offset);
    const Classified answers = classify(network, dtype, b.input, b.timesteps);
    const Tensor levels = b.levels.to(Device::cpu), truth = labels.to(Device::cpu);
    for (size_t i = 0; i < answers.classes.size(); ++i) {
        const int64_t level = levels.data<int32_t>()[i] - 1;
        const auto band = size_t(level * std::ssize(seen_) / process.steps());
        ++seen_[band];
        right_[band] += answers.classes[i] == truth.data<int32_t>()[i];
    }
}

std::vector<double> LevelAccuracy::shares() const {
    std::vector<double> result;
    for (size_t i = 0; i < seen_.size(); ++i)
        result.push_back(double(right_[i]) / double(std::max<int64_t>(seen_[i], 1)));
    return result;
}

} // namespace heat::tools
