#pragma once

#include "processes/blurred_prior.h"

namespace heat::processes {

struct HeatDissipationSettings {
    int steps = 200;        ///< K
    double sigma_min = 0.5; ///< blur width at level 1, pixels
    double sigma_max = 16;  ///< blur width at level K, pixels
    double sigma = 0.01;    ///< standard deviation of the training noise
    double delta = 0.0125;  ///< standard deviation of the sampling noise
};

/// Inverse heat dissipation (Rissanen et al. 2023; docs/math.md §3): q(u_k | u_0) = N(F(t_k)u_0, σ²) with the
/// blur F diagonal in the DCT-II. The network sees k and predicts F(t_{k−1})u_0 − u_k; data in 0..1; sampling
/// starts from blurred training images. Not Markov, so it has a sampling loop of its own.
class HeatDissipation : public Process {
public:
    /// Throws Error unless steps >= 2, 0 < sigma_min < sigma_max and the noises are not negative.
    HeatDissipation(ImageSize size, const HeatDissipationSettings& settings, Device device);

    std::string name() const override { return "ihdm"; }

    float data_low() const override { return 0.f; }
    float data_high() const override { return 1.f; }
    float timestep_of_level(int level) const override { return float(level); }
    /// input = F(t_k)u_0 + σε, target = F(t_{k−1})u_0 − input (Algorithm 1); loss scale 1/N: the batch mean
    /// of the sum over an image.
    TrainingBatch training_batch(const Tensor& images, const RandomState& random,
                                 uint32_t image_offset) const override;
    /// f32 images blurred to a level: F(t_k)u_0, without noise.
    Tensor blur(const Tensor& images, int level) const;

    bool needs_prior() const override { return true; }
    /// What is kept: processes/blurred_prior.h.
    void prepare_prior(const Tensor& images) override;
    std::map<std::string, Tensor> prior() const override { return prior_.tensors(); }
    void set_prior(const std::map<std::string, Tensor>& tensors) override { prior_.set(tensors); }
    int64_t prior_count() const { return prior_.count(); }
    /// Which image of the prior sample `image` of a run starts from. Throws Error without a prior.
    int64_t prior_index(uint64_t seed, uint32_t image) const { return prior_.index(seed, image); }

    std::vector<std::string> solvers() const override { return {"ihdm"}; }
    std::vector<ReportEntry> report() const override;
    std::vector<TableColumn> tables() const override { return blur_.tables(); }

protected:
    /// u = F(t_K)u_0 + δz, then u ← u + f(u, k) + δz for k = K..1, without noise at k = 1 (Algorithm 2, B.1).
    void check_solver(const SampleRequest& request) const override;
    Tensor run_solver(Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) const override;

private:
    HeatDissipationSettings settings_;
    HeatBlur blur_;
    BlurredPrior prior_;
    Tensor minus_ones_, sigma_, delta_; ///< 1×1
};

} // namespace heat::processes
