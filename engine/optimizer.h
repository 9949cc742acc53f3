#pragma once

#include "engine/parameters.h"

namespace heat {

struct OptimizerOptions {
    float learning_rate = 2e-4f;
    float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
    float weight_decay = 0.f; ///< decoupled (AdamW); 0 is Adam
    float clip_norm = 1.f;    ///< clip the global gradient norm to this; <= 0: never
    int64_t warm_up =
        0; ///< learning rate rises linearly over this many updates: lr·min(step/warm_up, 1), step from 1
    float ema_rate = 0.999f; ///< EMA decay is min(ema_rate, (1+n)/(10+n)), n = updates done before
    int accumulation = 1;    ///< gradients of so many backward passes are averaged
};

/// Adam/AdamW with clipping by global norm and an exponential moving average of the parameters, over a
/// store's flat arrays in one pass. A step's kernels read its changing scalars from device memory. The store
/// must outlive it.
class Optimizer {
public:
    /// Takes memory for gradients (where the store has none yet), moments and EMA; the EMA starts as a copy
    /// of the parameters. The store must be allocated.
    Optimizer(ParameterStore& store, const OptimizerOptions& options);

    /// One update from the gradients gathered since the last, which it clears. Does not wait for the device.
    void step();
    /// The same in parts, so that the middle one can be captured and replayed: the step's scalars travel to
    /// the device; the update, the same kernels on the same memory each time; the step is counted.
    void begin_step();
    void update();
    void end_step();

    /// An update whose gradient norm is not finite leaves everything as it was but the gradients, which it
    /// clears. For a card, whose host learns of such a norm only steps later; off by default.
    void skip_non_finite_updates(bool skip) { skip_non_finite_ = skip; }
    /// Updates done so far.
    int64_t steps() const { return steps_; }
    void set_steps(int64_t steps) { steps_ = steps; }

    float learning_rate_at(int64_t step) const;
    float ema_decay_at(int64_t updates_before) const;
    /// The last step's global gradient norm, before clipping. Waits for the device.
    float gradient_norm() const;
    /// The same where it lies, on the device.
    const float* gradient_norm_data() const { return norm_.data<float>() + 2; }

    Tensor& first_moment() { return first_moment_; }
    Tensor& second_moment() { return second_moment_; }
    Tensor& ema() { return ema_; }

private:
    ParameterStore& store_;
    OptimizerOptions options_;
    int64_t steps_ = 0;
    bool skip_non_finite_ = false;
    Tensor first_moment_, second_moment_, ema_;
    Tensor scalars_, norm_; ///< device memory: OptimizerScalars; {sum of squares, scale, norm}
    Tensor workspace_;
};

} // namespace heat
