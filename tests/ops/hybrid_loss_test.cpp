#include "engine/ops/hybrid_loss.h"

#include <doctest/doctest.h>

namespace heat {

TEST_SUITE("ops") {
    TEST_CASE("hybrid loss: what does not fit is refused with both shapes") {
        const Tensor images = Tensor::zeros(Shape{5, 3, 2, 3}, Dtype::f32, Device::cpu);
        HybridTarget target{images, images, Tensor::zeros(Shape{5}, Dtype::i32, Device::cpu),
                            hybrid_table({{}, {}}, Device::cpu), 1.f};
        const Variable narrow(Tensor::zeros(Shape{5, 3, 2, 3}, Dtype::f32, Device::cpu));
        CHECK_THROWS_WITH_AS(
            hybrid_loss(narrow, target, Tensor(), 1.f),
            "hybrid_loss: expected an output of twice the target's channels, 5×3×2×6, got 5×3×2×3", Error);
        const Variable output(Tensor::zeros(Shape{5, 3, 2, 6}, Dtype::f32, Device::cpu));
        target.table = Tensor::zeros(Shape{5, 4}, Dtype::f32, Device::cpu);
        CHECK_THROWS_AS(hybrid_loss(output, target, Tensor(), 1.f), Error);
        target.levels = Tensor::zeros(Shape{4}, Dtype::i32, Device::cpu);
        CHECK_THROWS_AS(hybrid_loss(output, target, Tensor(), 1.f), Error);
    }
}

} // namespace heat
