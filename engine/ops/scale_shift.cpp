#include "engine/ops/scale_shift.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/scale_shift.h"

#include <fmt/format.h>

namespace heat {
namespace {

/// `arrays` passes over something of x's size, and the modulation; `flops` on each element.
OpWork work_of(const Variable& x, const Variable& modulation, int arrays, double flops) {
    const double modulations = (arrays > 2 ? 2.0 : 1.0) * double(modulation.value().bytes());
    return {arrays * double(x.value().bytes()) + modulations, flops * double(x.value().count()),
            x.shape().text(), x.dtype()};
}

} // namespace

Variable scale_shift_silu(const Variable& x, const Variable& modulation) {
    const Shape& s = x.shape();
    if (s.rank() != 4) throw Error(fmt::format("scale_shift_silu: expected N×H×W×C, got {}", s.text()));
    expect_shape("scale_shift_silu modulation", modulation.value(), Shape{s[0], 2 * s[3]});
    if (modulation.dtype() != Dtype::f32)
        throw Error("scale_shift_silu: the modulation is f32 whatever the type of x; cast it");
    const int images = int(s[0]), channels = int(s[3]);
    const int64_t rows = s[1] * s[2];
    // Scaled and moved (3, the sum with 1 included), silu 4.
    const ProfileScope scope("scale_shift", x.device(), [&] { return work_of(x, modulation, 2, 7); });
    Tensor y(s, x.dtype(), x.device());
    with_activation_type(x.dtype(), [&]<class T>(T) {
        kernels::scale_shift_silu_forward(y.stream(), x.value().data<T>(), modulation.value().data<float>(),
                                          y.data<T>(), images, rows, channels);
    });
    return make_result(std::move(y), wants_gradient({&x, &modulation}), [=](const Tensor& dy) {
        // silu' and its argument 13, dx 1, two sums 3.
        const ProfileScope backward("scale_shift backward", dy.device(),
                                    [&] { return work_of(x, modulation, 3, 17); });
        Tensor dx(x.shape(), x.dtype(), dy.device());
        Tensor d_modulation(modulation.shape(), Dtype::f32, dy.device());
        with_activation_type(dy.dtype(), [&]<class T>(T) {
            kernels::scale_shift_silu_backward(dy.stream(), x.value().data<T>(),
                                               modulation.value().data<float>(), dy.data<T>(), dx.data<T>(),
                                               d_modulation.data<float>(), images, rows, channels);
        });
        x.add_gradient(std::move(dx));
        modulation.add_gradient(std::move(d_modulation));
    });
}

} // namespace heat
