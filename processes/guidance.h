#pragma once

#include "kernels/guidance.h"
#include "processes/class_labels.h"
#include "processes/denoiser.h"
#include "processes/process.h"

namespace heat::processes {

/// A network that is told a class for each image.
class ClassDenoiser : public Denoiser {
public:
    /// As predict; labels: i32 N on x's device, rows of the network's class embedding.
    virtual Tensor predict_classes(const Tensor& x, const Tensor& timesteps, const Tensor& labels) = 0;
};

/// What classifier-free guidance is asked for.
struct Guidance {
    double scale = 1;         ///< W: 1 is the conditional network, 0 the unconditional one
    double rescale = 0;       ///< φ of Lin et al. 2023, 0 to 1
    double low = 0, high = 1; ///< levels low·N … high·N alone are guided (Kynkäänniemi et al. 2024)
};

/// Throws Error for numbers that are not finite or out of range.
void check(const Guidance& guidance);

/// The network under classifier-free guidance (Ho & Salimans 2022), ε̂ = ε_∅ + W·(ε_c − ε_∅), in the
/// convention of diffusers' guidance_scale. Predictions ε, x0 and v are affine in one another with
/// coefficients of the state alone, so the combination is the same for each. Both outputs come from one call
/// with 2N images. Levels outside the interval get the conditional output; on the CPU they cost one call of
/// N images, as does W = 1.
class GuidedDenoiser final : public Denoiser {
public:
    /// null_class: the network's label of no class. Throws Error as check(), or for no labels.
    GuidedDenoiser(ClassDenoiser& network, ClassLabels labels, int32_t null_class, const Guidance& guidance,
                   const Process& process);

    void begin_batch(uint32_t first_image, int64_t count) override;
    Tensor predict(const Tensor& x, const Tensor& timesteps) override;
    bool capturable() const override { return network_.capturable(); }

private:
    bool is_unguided(const Tensor& timesteps) const;

    ClassDenoiser& network_;
    ClassLabels labels_;
    int32_t null_class_;
    kernels::GuidanceRule rule_;
    Tensor conditional_, both_; ///< labels of the batch: N, and 2N with the null class behind
};

} // namespace heat::processes
