#include "kernels/math.h"
#include "kernels/optimizer.h"
#include "kernels/parallel.h"

#include <cmath>
#include <type_traits>

namespace heat::kernels {

namespace {

struct ClipScale {
    const float* sum_of_squares;
    const OptimizerScalars* scalars;
    float *scale, *norm_out;
    bool skip_non_finite;

    template <int V>
    HEAT_HD void at(int64_t) const {
        const float norm = scalars->gradient_scale * sqrtf(*sum_of_squares);
        const float bound = scalars->max_norm / (norm + 1e-6f);
        const bool clips = scalars->max_norm > 0.f && bound < 1.f;
        const bool skips = skip_non_finite && !is_finite(norm);
        *scale = skips ? NAN : scalars->gradient_scale * (clips ? bound : 1.f);
        *norm_out = norm;
    }
};

struct WriteScalars {
    OptimizerScalars* to;
    OptimizerScalars scalars;

    template <int V>
    HEAT_HD void at(int64_t) const {
        *to = scalars;
    }
};

/// Only a guarded one looks whether the update is to be skipped: the host's loop stays free of that.
template <bool Guarded, bool Copies>
struct AdamStep {
    float *parameter, *gradient, *first_moment, *second_moment, *ema;
    const OptimizerScalars* scalars;
    const float* scale;
    bf16* copy;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        const OptimizerScalars s = *scalars;
        const float gradient_scale = *scale;
        Vec<float, V> p = load<V>(parameter + i), g = load<V>(gradient + i), m = load<V>(first_moment + i),
                      v = load<V>(second_moment + i), e = load<V>(ema + i);
        if (Guarded && gradient_scale != gradient_scale) {
            for (int k = 0; k < V; ++k) g.v[k] = 0.f;
            store<V>(gradient + i, g);
            return;
        }
        for (int k = 0; k < V; ++k) {
            const float clipped = g.v[k] * gradient_scale;
            m.v[k] = s.beta1 * m.v[k] + (1.f - s.beta1) * clipped;
            v.v[k] = s.beta2 * v.v[k] + (1.f - s.beta2) * clipped * clipped;
            p.v[k] -= s.learning_rate * s.weight_decay * p.v[k];
            p.v[k] -= s.learning_rate * m.v[k] * s.correction1 / (sqrtf(v.v[k] * s.correction2) + s.epsilon);
            e.v[k] = s.ema_decay * e.v[k] + (1.f - s.ema_decay) * p.v[k];
            g.v[k] = 0.f;
        }
        store<V>(parameter + i, p);
        if constexpr (Copies) {
            Vec<bf16, V> rounded;
            for (int k = 0; k < V; ++k) rounded.v[k] = from_float<bf16>(p.v[k]);
            store<V>(copy + i, rounded);
        }
        store<V>(gradient + i, g);
        store<V>(first_moment + i, m);
        store<V>(second_moment + i, v);
        store<V>(ema + i, e);
    }
};

} // namespace

void write_scalars(const Stream& stream, OptimizerScalars* to, const OptimizerScalars& scalars) {
    parallel_for<1>(stream, 1, WriteScalars{to, scalars});
}

void clip_scale(const Stream& stream, const float* sum_of_squares, const OptimizerScalars* scalars,
                float* scale, float* norm_out, bool skip_non_finite) {
    parallel_for<1>(stream, 1, ClipScale{sum_of_squares, scalars, scale, norm_out, skip_non_finite});
}

void adam_step(const Stream& stream, float* parameter, float* gradient, float* first_moment,
               float* second_moment, float* ema, const OptimizerScalars* scalars, const float* scale,
               int64_t n, bool skip_non_finite, bf16* copy) {
    // A part of the flat array may start anywhere; null is aligned.
    bool aligned = reinterpret_cast<uintptr_t>(copy) % (4 * sizeof(bf16)) == 0;
    for (const float* p : {parameter, gradient, first_moment, second_moment, ema})
        aligned = aligned && reinterpret_cast<uintptr_t>(p) % 16 == 0;
    const auto launch = [&]<bool Guarded, bool Copies>(std::bool_constant<Guarded>,
                                                       std::bool_constant<Copies>) {
        const AdamStep<Guarded, Copies> step{parameter, gradient, first_moment, second_moment,
                                             ema,       scalars,  scale,        copy};
        if (aligned)
            parallel_for<4>(stream, n, step);
        else
            parallel_for<1>(stream, n, step);
    };
    const auto launch_guarded = [&](auto guarded) {
        if (copy)
            launch(guarded, std::true_type{});
        else
            launch(guarded, std::false_type{});
    };
    if (skip_non_finite)
        launch_guarded(std::true_type{});
    else
        launch_guarded(std::false_type{});
}

} // namespace heat::kernels
