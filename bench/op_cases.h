#pragma once

// Every differentiable op, declared once: how to call it at a size. The benchmarks time it at the sizes of
// the U-Nets in configs/; the tests run it at small odd ones against oracles (tests/ops/op_table.cpp).

#include "engine/variable.h"
#include "kernels/convolution.h"

#include <functional>
#include <string>
#include <vector>

namespace heat::bench {

using Variables = std::vector<Variable>;
using Parameters = std::vector<Parameter>;

/// One op at one size.
struct OpCase {
    std::string family;            ///< the op: "conv2d"
    std::string size;              ///< "2×5×7×3 to 4, kernel 3×3, …"
    std::vector<Shape> inputs;     ///< activations
    std::vector<Shape> parameters; ///< f32 masters
    std::function<Variable(const Variables&, const Parameters&)> op;
    bool f32_only = false; ///< an op whose values are f32 whatever the network's type

    std::string name() const { return family + " " + size; }
};

OpCase convolution_case(const kernels::ConvolutionShape& shape, bool bias = true);
/// With a bias and a residual, the second input.
OpCase residual_convolution_case(const kernels::ConvolutionShape& shape);
OpCase linear_case(int64_t rows, int64_t inputs, int64_t outputs);
/// cat(x, skip) of a and b channels over `positions` (N×H×W) to `outputs` channels.
OpCase linear_concat_case(const Shape& positions, int64_t a, int64_t b, int64_t outputs);

struct GroupNormSize {
    int64_t n = 1, h = 1, w = 1, channels = 1, skip = 0;
    int groups = 1;
    bool shift = false, silu = false;
};
OpCase group_norm_case(const GroupNormSize& size);
OpCase attention_case(int64_t n, int64_t positions, int64_t channels, int heads);
OpCase silu_case(const Shape& shape);
OpCase add_case(const Shape& shape);
/// x + x: one variable that gets two gradients.
OpCase add_to_itself_case(const Shape& shape);
OpCase add_per_channel_case(const Shape& shape);
OpCase scale_shift_case(const Shape& shape);
/// A reshape to `to` with a SiLU behind it, since on its own it does nothing.
OpCase reshape_case(const Shape& from, const Shape& to);
OpCase upsample_nearest_case(const Shape& shape);
OpCase average_pool_case(const Shape& shape);
OpCase embedding_case(int64_t rows, int64_t width, const std::vector<int32_t>& index);
/// The losses of a prediction of `shape` beside targets 0, ¼, ½, ¾, 0, … and weights 1, 2, …, with scale ⅛.
OpCase squared_error_case(const Shape& shape);
OpCase absolute_error_case(const Shape& shape);
/// The loss of a learned variance, images at levels 1, 2, 1, 2, …; shape is that of the images, so the output
/// has twice its channels. The mean is right whatever is predicted, since what the op holds fixed finite
/// differences cannot (tests/ops/hybrid_loss_test.cpp has the rest).
OpCase hybrid_loss_case(const Shape& shape);

/// The mean over the classes 0, 3, 6, … (of the number there is) of so many images.
OpCase cross_entropy_case(int64_t images, int64_t classes);
OpCase spatial_mean_case(const Shape& shape);

/// Every family by name with the cases that are timed, one or more each.
struct OpFamily {
    std::string name;
    std::vector<OpCase> timed;
};
std::vector<OpFamily> op_families(Device device = Device::cpu);

} // namespace heat::bench
