#pragma once

#include "processes/class_labels.h"
#include "processes/denoiser.h"
#include "processes/diagonal_process.h"

namespace heat::processes {

/// A classifier of noised images.
class NoisyClassifier {
public:
    NoisyClassifier() = default;
    NoisyClassifier(const NoisyClassifier&) = delete;
    NoisyClassifier& operator=(const NoisyClassifier&) = delete;
    virtual ~NoisyClassifier() = default;

    /// ∇_x log p(label_i | x_i) at each image's timestep, f32 of x's shape; labels: i32 N on x's device.
    virtual Tensor gradient(const Tensor& x, const Tensor& timesteps, const Tensor& labels) = 0;
};

/// What an output shifted by factor·∇ log p(y|x_t) does at levels 1..N (entry 0 is level 1), for classifier
/// guidance of this scale (Dhariwal & Nichol 2021, docs/guidance.md), in the process's own prediction:
///   solver ancestral  the mean of a step is moved by scale·v·∇, v its variance (algorithm 1);
///   others            ε̂ = ε − scale·s_t·∇ (algorithm 2).
/// Levels that the request does not visit have 0. Throws Error for a scale that is not finite or negative,
/// and for a process that is not diagonal in pixels with the state itself as the network's input.
std::vector<double> classifier_guidance_factors(const Process& process, const SampleRequest& request,
                                                double scale);

/// A network whose output is shifted along a classifier's gradient.
class ClassifierGuidedDenoiser final : public Denoiser {
public:
    /// `factors` as above. Throws Error for no labels.
    ClassifierGuidedDenoiser(Denoiser& network, NoisyClassifier& classifier, ClassLabels labels,
                             std::vector<double> factors);

    void begin_batch(uint32_t first_image, int64_t count) override;
    /// Reads the timesteps on the host and differentiates: not to be captured.
    Tensor predict(const Tensor& x, const Tensor& timesteps) override;

private:
    Denoiser& network_;
    NoisyClassifier& classifier_;
    ClassLabels labels_;
    std::vector<double> factors_;
    uint32_t first_image_ = 0;
    Tensor batch_labels_, table_; ///< on the device of the first call
};

} // namespace heat::processes
