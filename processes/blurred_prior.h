#pragma once

#include "processes/heat_blur.h"

namespace heat::processes {

/// The blurred training images from which IHDM and cold diffusion start: of each its DCT coefficients at the
/// last level, for the modes whose gain e^{−μ t_K} exceeds 1e-6; the others are below any noise.
class BlurredPrior {
public:
    /// owner: the process's name in messages.
    BlurredPrior(const HeatBlur& blur, ImageSize size, std::string owner);

    /// Blurs these images (f32 N×H×W×C on the blur's device) and keeps them after those there are.
    void add(const HeatBlur& blur, const Tensor& images);
    /// "prior.coefficients" f32 images×modes×C and "prior.modes" i32, the modes' row-major positions.
    std::map<std::string, Tensor> tensors() const;
    /// tensors() of a run; throws Error where they do not fit the blur.
    void set(const std::map<std::string, Tensor>& tensors);

    int64_t count() const;
    /// Which image sample `image` of a run starts from: uniform, by Purpose::prior. Throws Error without any.
    int64_t index(uint64_t seed, uint32_t image) const;
    /// What a request starts from: blurred images of this prior, or request.initial blurred to its level,
    /// plus white noise of standard deviation δ. f32 count×H×W×C on the blur's device.
    Tensor start(const SampleRequest& request, const HeatBlur& blur, double delta, Device device) const;

    std::vector<ReportEntry> report() const;

private:
    /// Images of the prior for a request, on the way from seed to seed mixed linearly.
    Tensor images_of(const SampleRequest& request, Device device) const;

    ImageSize size_;
    std::string owner_;
    std::vector<int32_t> modes_;
    std::vector<float> coefficients_; ///< images × modes × C
};

} // namespace heat::processes
