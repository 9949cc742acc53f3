#pragma once

#include "nets/unet.h"
#include "processes/classifier_guidance.h"

namespace heat::tools {

/// A trained classifier (network.kind = "classifier") as classifier guidance sees it: gradients by the tape.
class ClassifierGradient final : public processes::NoisyClassifier {
public:
    ClassifierGradient(const nets::UNet& network, Dtype dtype) : network_(network), dtype_(dtype) {}
    Tensor gradient(const Tensor& x, const Tensor& timesteps, const Tensor& labels) override;

private:
    const nets::UNet& network_;
    Dtype dtype_;
};

} // namespace heat::tools
