#pragma once

// One pass over all parameters at once: they live in one flat array. Values that change from step to step
// come through device memory (OptimizerScalars), so that a captured step can be replayed.

#include "kernels/dtype.h"
#include "kernels/stream.h"

namespace heat::kernels {

struct OptimizerScalars {
    float learning_rate, beta1, beta2, epsilon,
        weight_decay;               ///< weight_decay is decoupled (AdamW); 0 is Adam
    float correction1, correction2; ///< 1/(1 − beta^step)
    float gradient_scale;           ///< 1/accumulation steps, before the clip
    float max_norm;                 ///< clip to this global norm; <= 0: no clip
    float ema_decay;                ///< for this update
};

/// Writes the scalars of an update to the stream's memory. They travel with the launch: nothing waits.
void write_scalars(const Stream&, OptimizerScalars* to, const OptimizerScalars& scalars);

/// scale[0] = gradient_scale · min(1, max_norm/(norm + 1e-6)), norm = gradient_scale·sqrt(sum_of_squares[0])
/// (as torch.nn.utils.clip_grad_norm_); norm_out[0] = norm. skip_non_finite: scale[0] is NaN where the norm
/// is not finite.
void clip_scale(const Stream&, const float* sum_of_squares, const OptimizerScalars* scalars, float* scale,
                float* norm_out, bool skip_non_finite = false);

/// For each of n parameters, with g = gradient·scale[0]:  m ← β1 m + (1−β1) g;  v ← β2 v + (1−β2) g²;
/// p ← p − lr·wd·p;  p ← p − lr·m·correction1/(sqrt(v·correction2) + ε);  ema ← decay·ema + (1−decay)·p;
/// gradient ← 0. (Kingma & Ba 2015; Loshchilov & Hutter 2019.) scalars and scale are device memory.
/// skip_non_finite: where scale[0] is NaN nothing changes but the gradient, which is cleared. copy: null, or
/// where p is written in bf16 too (which a skipped step leaves as it was).
void adam_step(const Stream&, float* parameter, float* gradient, float* first_moment, float* second_moment,
               float* ema, const OptimizerScalars* scalars, const float* scale, int64_t n,
               bool skip_non_finite = false, bf16* copy = nullptr);

} // namespace heat::kernels
