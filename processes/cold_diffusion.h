#pragma once

#include "processes/blurred_prior.h"

namespace heat::processes {

struct ColdDiffusionSettings {
    int steps = 200;        ///< K
    double sigma_min = 0.5; ///< blur width at level 1, pixels
    double sigma_max = 16;  ///< blur width at level K, pixels
    double delta = 0; ///< standard deviation of the noise on the blurred images that sampling starts from
};

/// Cold diffusion with a blur for its degradation (Bansal et al. 2022; docs/math.md, "Cold diffusion"): x_k =
/// D(x_0, k) = F(t_k)x_0 with no noise at all. The network sees k and predicts x_0; data in 0..1; sampling
/// starts from blurred training images.
class ColdDiffusion : public Process {
public:
    /// Throws Error unless steps >= 2, 0 < sigma_min < sigma_max and delta >= 0.
    ColdDiffusion(ImageSize size, const ColdDiffusionSettings& settings, Device device);

    std::string name() const override { return "cold"; }
    const HeatBlur& blur() const { return blur_; }

    float data_low() const override { return 0.f; }
    float data_high() const override { return 1.f; }
    float timestep_of_level(int level) const override { return float(level); }
    /// input = D(x_0, k), target = x_0; the absolute error, scale 1/(N·C·H·W): its mean over all elements.
    TrainingBatch training_batch(const Tensor& images, const RandomState& random,
                                 uint32_t image_offset) const override;

    bool needs_prior() const override { return true; }
    /// What is kept: processes/blurred_prior.h.
    void prepare_prior(const Tensor& images) override;
    std::map<std::string, Tensor> prior() const override { return prior_.tensors(); }
    void set_prior(const std::map<std::string, Tensor>& tensors) override { prior_.set(tensors); }
    /// Which image of the prior sample `image` of a run starts from. Throws Error without a prior.
    int64_t prior_index(uint64_t seed, uint32_t image) const { return prior_.index(seed, image); }

    std::vector<std::string> solvers() const override { return {"cold"}; }
    std::vector<ReportEntry> report() const override;
    std::vector<TableColumn> tables() const override { return blur_.tables(); }

protected:
    void check_solver(const SampleRequest& request) const override;
    /// x_s = x_t − D(x̂_0, t) + D(x̂_0, s) from level t to the next, s (Algorithm 2), with the state in the
    /// eigenbasis; t begins at K.
    Tensor run_solver(Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) const override;

private:
    ColdDiffusionSettings settings_;
    HeatBlur blur_;
    BlurredPrior prior_;
};

} // namespace heat::processes
