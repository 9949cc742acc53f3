#pragma once

#include "nets/unet.h"
#include "processes/differentiable_denoiser.h"

#include <optional>

namespace heat::tools {

/// A network that is differentiated by its input, on a tape: no dropout, one class for all images. Gradients
/// of the parameters are not wanted: their store must have allocated none.
class DifferentiableModel final : public processes::DifferentiableDenoiser {
public:
    /// `network` must outlive it; dtype: of activations.
    DifferentiableModel(const nets::UNet& network, Dtype dtype, std::optional<int32_t> label = std::nullopt)
        : network_(network), dtype_(dtype), label_(label) {}

    Tensor predict(const Tensor& x, const Tensor& timesteps) override;
    Product vector_jacobian(const Tensor& x, const Tensor& timesteps, const Tensor& cotangent) override;

private:
    nets::UNet::Pass pass(const Tensor& x) const;

    const nets::UNet& network_;
    Dtype dtype_;
    std::optional<int32_t> label_;
};

} // namespace heat::tools
