#include "engine/optimizer.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/optimizer.h"
#include "kernels/reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat {

Optimizer::Optimizer(ParameterStore& store, const OptimizerOptions& options)
    : store_(store), options_(options) {
    if (options.accumulation < 1)
        throw Error(fmt::format("optimizer: accumulation must be at least 1, got {}", options.accumulation));
    const Device device = store.values().device();
    if (!store.gradients().defined()) store.allocate_gradients();
    const Shape flat{store.flat_size()};
    first_moment_ = Tensor::zeros(flat, Dtype::f32, device);
    second_moment_ = Tensor::zeros(flat, Dtype::f32, device);
    ema_ = Tensor(flat, Dtype::f32, device);
    ema_.copy_from(store.values());
    scalars_ = Tensor(Shape{int64_t(sizeof(kernels::OptimizerScalars) / sizeof(float))}, Dtype::f32, device);
    norm_ = Tensor::zeros(Shape{3}, Dtype::f32, device);
    workspace_ = Tensor(Shape{kernels::reduce_workspace_floats(store.flat_size())}, Dtype::f32, device);
}

float Optimizer::learning_rate_at(int64_t step) const {
    const float warm = options_.warm_up > 0 ? std::min(1.f, float(step) / float(options_.warm_up)) : 1.f;
    return options_.learning_rate * warm;
}

float Optimizer::ema_decay_at(int64_t n) const {
    return std::min(options_.ema_rate, float(1 + n) / float(10 + n));
}

void Optimizer::step() {
    begin_step();
    update();
    end_step();
}

void Optimizer::begin_step() {
    const int64_t step = steps_ + 1;
    const auto correction = [&](float beta) {
        return float(1.0 / (1.0 - std::pow(double(beta), double(step))));
    };
    const kernels::OptimizerScalars scalars{.learning_rate = learning_rate_at(step),
                                            .beta1 = options_.beta1,
                                            .beta2 = options_.beta2,
                                            .epsilon = options_.epsilon,
                                            .weight_decay = options_.weight_decay,
                                            .correction1 = correction(options_.beta1),
                                            .correction2 = correction(options_.beta2),
                                            .gradient_scale = 1.f / float(options_.accumulation),
                                            .max_norm = options_.clip_norm,
                                            .ema_decay = ema_decay_at(steps_)};
    kernels::write_scalars(scalars_.stream(), static_cast<kernels::OptimizerScalars*>(scalars_.raw()),
                           scalars);
}

void Optimizer::update() {
    const kernels::Stream& stream = store_.values().stream();
    const auto* device_scalars = static_cast<const kernels::OptimizerScalars*>(scalars_.raw());
    float* norm = norm_.data<float>();
    const int64_t n = store_.flat_size();
    const auto work = [n](double bytes, double flops) {
        return OpWork{bytes * double(n), flops * double(n), Shape{n}.text()};
    };
    {
        const ProfileScope scope("clip", store_.values().device(), [&] { return work(4, 2); });
        kernels::sum_of_squares(stream, store_.gradients().data<float>(), n, norm, workspace_.data<float>());
        kernels::clip_scale(stream, norm, device_scalars, norm + 1, norm + 2, skip_non_finite_);
    }
    bf16* copy = store_.bf16_to_update();
    // Five arrays are read and written. Scale 1, first moment 3, second 4, decay 2, step 7, EMA 3.
    const ProfileScope scope("adam and ema", store_.values().device(),
                             [&] { return work(copy ? 42 : 40, 20); });
    kernels::adam_step(stream, store_.values().data<float>(), store_.gradients().data<float>(),
                       first_moment_.data<float>(), second_moment_.data<float>(), ema_.data<float>(),
                       device_scalars, norm + 1, n, skip_non_finite_, copy);
}

void Optimizer::end_step() {
    store_.updated_with(store_.bf16_to_update()); // outside the graph, and the same answer as in update()
    ++steps_;
}

float Optimizer::gradient_norm() const {
    return norm_.to_host()[2];
}

} // namespace heat
