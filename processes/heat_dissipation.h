#pragma once

#include "processes/process.h"
#include "processes/step_cost.h"

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
    const HeatDissipationSettings& settings() const { return settings_; }
    /// log of the blur's gain e^{−μ t_k} on a DCT mode (row-major position) at level 0..K.
    double log_gain(int level, int mode) const;

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
    /// Keeps the DCT coefficients of F(t_K)u_0 whose gain e^{−μ t_K} exceeds 1e-6; the others are below any
    /// noise.
    void prepare_prior(const Tensor& images) override;
    /// "prior.coefficients" f32 images×modes×C and "prior.modes" i32, the modes' row-major positions.
    std::map<std::string, Tensor> prior() const override;
    void set_prior(const std::map<std::string, Tensor>& tensors) override;
    int64_t prior_count() const;
    /// Which image of the prior sample `image` of a run starts from: uniform, by Purpose::prior. Throws Error
    /// without a prior.
    int64_t prior_index(uint64_t seed, uint32_t image) const;

    std::vector<std::string> solvers() const override { return {"ihdm"}; }
    std::vector<ReportEntry> report() const override;
    /// time t_k and blur_sigma σ_k in pixels, log10_smallest_gain of the blur.
    std::vector<TableColumn> tables() const override;

protected:
    /// u = F(t_K)u_0 + δz, then u ← u + f(u, k) + δz for k = K..1, without noise at k = 1 (Algorithm 2, B.1).
    void check_solver(const SampleRequest& request) const override;
    Tensor run_solver(Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) const override;

private:
    Tensor initial_state(const SampleRequest& request) const;
    /// The gains as a table whose row 0 is level `first`, −1 or higher.
    Tensor gains_from(int first) const;

    HeatDissipationSettings settings_;
    std::vector<double> sigmas_; ///< blur widths, 0..K
    std::vector<double> mu_;     ///< eigenvalues of −Laplacian
    std::vector<int32_t> modes_; ///< kept in the prior
    std::vector<float> prior_;   ///< images × modes × C
    /// Gains of the levels −1..K (level −1 is never read), so that a table from level −1 gives level k − 1
    /// for row k.
    Tensor gains_;
    Tensor ones_, minus_ones_, sigma_, delta_; ///< 1×1
};

} // namespace heat::processes
