#include "bench/op_cases.h"

#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/embedding.h"
#include "engine/ops/group_norm.h"
#include "engine/ops/hybrid_loss.h"
#include "engine/ops/linear.h"
#include "engine/ops/loss.h"
#include "engine/ops/resample.h"
#include "engine/ops/scale_shift.h"
#include "engine/ops/spatial_mean.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat::bench {
namespace {

/// An op on x alone.
OpCase map_case(std::string family, const Shape& shape, Variable (*op)(const Variable&)) {
    return {.family = std::move(family),
            .size = shape.text(),
            .inputs = {shape},
            .parameters = {},
            .op = [op](const Variables& x, const Parameters&) { return op(x[0]); }};
}

OpCase loss_case(std::string family, const Shape& shape,
                 BatchLoss (*loss)(const Variable&, const Tensor&, const Tensor&, float)) {
    std::vector<float> target, weight;
    for (int64_t i = 0; i < shape.count(); ++i) target.push_back(0.25f * float(i % 4));
    for (int64_t i = 0; i < shape[0]; ++i) weight.push_back(float(i + 1));
    return {.family = std::move(family),
            .size = shape.text(),
            .inputs = {shape},
            .parameters = {},
            .op = [=](const Variables& x, const Parameters&) {
                const Device device = x[0].device();
                return loss(x[0], Tensor::from_host(shape, target, device),
                            Tensor::from_host(Shape{shape[0]}, weight, device), 0.125f)
                    .loss;
            }};
}

} // namespace

OpCase convolution_case(const kernels::ConvolutionShape& s, bool bias) {
    OpCase c;
    c.family = "conv2d";
    c.size = fmt::format("{}×{}×{}×{} to {}, kernel {}×{}, stride {}, pad {}{}{}{}{}", s.n, s.h, s.w, s.c_in,
                         s.c_out, s.kernel_h, s.kernel_w, s.stride, s.pad_top, s.pad_left, s.pad_bottom,
                         s.pad_right, bias ? "" : ", no bias");
    c.inputs = {Shape{s.n, s.h, s.w, s.c_in}};
    c.parameters = {Shape{s.c_out, s.kernel_h, s.kernel_w, s.c_in}};
    if (bias) c.parameters.push_back(Shape{s.c_out});
    c.op = [s](const Variables& x, const Parameters& p) {
        return conv2d(x[0], p[0], p.size() > 1 ? p[1] : Parameter(), s.stride,
                      {s.pad_top, s.pad_left, s.pad_bottom, s.pad_right});
    };
    return c;
}

OpCase residual_convolution_case(const kernels::ConvolutionShape& s) {
    OpCase c = convolution_case(s, true);
    c.size += ", residual";
    c.inputs.push_back(Shape{s.n, s.out_h(), s.out_w(), s.c_out});
    c.op = [s](const Variables& x, const Parameters& p) {
        return conv2d(x[0], p[0], p[1], s.stride, {s.pad_top, s.pad_left, s.pad_bottom, s.pad_right}, x[1]);
    };
    return c;
}

OpCase linear_case(int64_t rows, int64_t inputs, int64_t outputs) {
    return {.family = "linear",
            .size = fmt::format("{}×{} to {}", rows, inputs, outputs),
            .inputs = {Shape{rows, inputs}},
            .parameters = {Shape{outputs, inputs}, Shape{outputs}},
            .op = [](const Variables& x, const Parameters& p) { return linear(x[0], p[0], p[1]); }};
}

OpCase linear_concat_case(const Shape& positions, int64_t a, int64_t b, int64_t outputs) {
    const auto with = [&](int64_t channels) {
        std::vector<int64_t> extents = positions.extents();
        extents.push_back(channels);
        return Shape(std::move(extents));
    };
    return {
        .family = "linear_concat",
        .size = fmt::format("{}+{} to {}", with(a).text(), b, outputs),
        .inputs = {with(a), with(b)},
        .parameters = {Shape{outputs, 1, 1, a + b}, Shape{outputs}},
        .op = [](const Variables& x, const Parameters& p) { return linear_concat(x[0], x[1], p[0], p[1]); }};
}

OpCase group_norm_case(const GroupNormSize& s) {
    const int64_t all = s.channels + s.skip;
    OpCase c;
    c.family = "group_norm";
    c.size = fmt::format("{}×{}×{}×{}{} in {} groups{}{}", s.n, s.h, s.w, s.channels,
                         s.skip ? fmt::format("+{}", s.skip) : "", s.groups, s.shift ? ", shift" : "",
                         s.silu ? ", silu" : "");
    c.inputs = {Shape{s.n, s.h, s.w, s.channels}};
    if (s.skip) c.inputs.push_back(Shape{s.n, s.h, s.w, s.skip});
    if (s.shift) c.inputs.push_back(Shape{s.n, all});
    c.parameters = {Shape{all}, Shape{all}};
    c.op = [s](const Variables& x, const Parameters& p) {
        return group_norm(x[0], s.skip ? x[1] : Variable(), s.shift ? x.back() : Variable(), p[0], p[1],
                          {s.groups, 1e-5f, s.silu});
    };
    return c;
}

OpCase attention_case(int64_t n, int64_t positions, int64_t channels, int heads) {
    const Shape shape{n, positions, channels};
    return {
        .family = "attention",
        .size = fmt::format("{} with {} heads", shape.text(), heads),
        .inputs = {shape, shape, shape},
        .parameters = {},
        .op = [heads](const Variables& x, const Parameters&) { return attention(x[0], x[1], x[2], heads); }};
}

OpCase silu_case(const Shape& shape) {
    return map_case("silu", shape, silu);
}

OpCase add_case(const Shape& shape) {
    return {.family = "add",
            .size = shape.text(),
            .inputs = {shape, shape},
            .parameters = {},
            .op = [](const Variables& x, const Parameters&) { return add(x[0], x[1]); }};
}

OpCase add_to_itself_case(const Shape& shape) {
    return {.family = "add",
            .size = shape.text() + " to itself",
            .inputs = {shape},
            .parameters = {},
            .op = [](const Variables& x, const Parameters&) { return add(x[0], x[0]); }};
}

OpCase add_per_channel_case(const Shape& shape) {
    return {.family = "add_per_channel",
            .size = shape.text(),
            .inputs = {shape, Shape{shape[0], shape.back()}},
            .parameters = {},
            .op = [](const Variables& x, const Parameters&) { return add_per_channel(x[0], x[1]); }};
}

OpCase scale_shift_case(const Shape& shape) {
    return {.family = "scale_shift",
            .size = shape.text(),
            .inputs = {shape, Shape{shape[0], 2 * shape.back()}},
            .parameters = {},
            .op = [](const Variables& x, const Parameters&) {
                return scale_shift_silu(x[0], cast(x[1], Dtype::f32));
            }};
}

OpCase reshape_case(const Shape& from, const Shape& to) {
    return {.family = "reshape and silu",
            .size = fmt::format("{} to {}", from.text(), to.text()),
            .inputs = {from},
            .parameters = {},
            .op = [to](const Variables& x, const Parameters&) { return silu(reshape(x[0], to)); }};
}

OpCase upsample_nearest_case(const Shape& shape) {
    return map_case("upsample_nearest", shape, upsample_nearest);
}

OpCase average_pool_case(const Shape& shape) {
    return map_case("average_pool", shape, average_pool);
}

OpCase embedding_case(int64_t rows, int64_t width, const std::vector<int32_t>& index) {
    return {.family = "embedding",
            .size = fmt::format("{} of {}×{}", index.size(), rows, width),
            .inputs = {},
            .parameters = {Shape{rows, width}},
            .op = [index](const Variables&, const Parameters& p) { return embedding(p[0], index); },
            .f32_only = true};
}

OpCase squared_error_case(const Shape& shape) {
    return loss_case("squared_error", shape, squared_error);
}

OpCase absolute_error_case(const Shape& shape) {
    return loss_case("absolute_error", shape, absolute_error);
}

OpCase hybrid_loss_case(const Shape& shape) {
    std::vector<float> target, clean, weight;
    std::vector<int32_t> levels;
    for (int64_t i = 0; i < shape.count(); ++i) {
        target.push_back(0.25f * float(i % 4));
        clean.push_back(float(i % 256) / 127.5f - 1.f);
    }
    for (int64_t i = 0; i < shape[0]; ++i) {
        weight.push_back(float(i + 1));
        levels.push_back(int32_t(1 + i % 2));
    }
    std::vector<int64_t> extents = shape.extents();
    extents.back() *= 2;
    return {.family = "hybrid_loss",
            .size = shape.text(),
            .inputs = {Shape(extents)},
            .parameters = {},
            .op = [=](const Variables& x, const Parameters&) {
                const Device device = x[0].device();
                const HybridTarget compared{
                    Tensor::from_host(shape, target, device), Tensor::from_host(shape, clean, device),
                    Tensor::from_host(Shape{shape[0]}, levels, device),
                    hybrid_table({{}, {0.5f, 0.f, 0.f, -6.f, 2.f}, {1.f, 0.f, 0.f, -4.f, 0.7f}}, device),
                    0.5f};
                return hybrid_loss(x[0], compared, Tensor::from_host(Shape{shape[0]}, weight, device), 0.125f)
                    .loss;
            }};
}

OpCase cross_entropy_case(int64_t images, int64_t classes) {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < images; ++i) labels.push_back(int32_t(3 * i % classes));
    return {.family = "cross_entropy",
            .size = fmt::format("{}×{}", images, classes),
            .inputs = {Shape{images, classes}},
            .parameters = {},
            .op =
                [=](const Variables& x, const Parameters&) {
                    return cross_entropy(x[0], Tensor::from_host(Shape{images}, labels, x[0].device()),
                                         1.f / float(images));
                },
            .f32_only = true};
}

OpCase spatial_mean_case(const Shape& shape) {
    return map_case("spatial_mean", shape, spatial_mean);
}

std::vector<OpFamily> op_families(Device device) {
    // 28×28: a small U-Net on MNIST, 32 images. 32×32: DDPM's and IHDM's on CIFAR-10, 8 images.
    std::vector<int32_t> labels(32);
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = int32_t(i * 7 % 10);
    std::vector<OpFamily> families{
        {"conv2d",
         {convolution_case({32, 28, 28, 1, 32}), convolution_case({32, 28, 28, 32, 32}),
          convolution_case({32, 28, 28, 64, 64}), convolution_case({32, 14, 14, 128, 128}),
          convolution_case({32, 7, 7, 128, 128}), convolution_case({32, 28, 28, 64, 64, 3, 3, 2}),
          convolution_case({32, 28, 28, 64, 64, 1, 1, 1, 0, 0, 0, 0}), convolution_case({32, 28, 28, 32, 1}),
          convolution_case({8, 32, 32, 3, 128}), convolution_case({8, 32, 32, 128, 128}),
          convolution_case({8, 16, 16, 256, 256}), convolution_case({8, 8, 8, 256, 256}),
          convolution_case({8, 8, 8, 512, 256}), convolution_case({8, 16, 16, 256, 256, 3, 3, 2, 0, 0, 1, 1}),
          convolution_case({8, 32, 32, 128, 3}), residual_convolution_case({8, 16, 16, 256, 256})}},
        {"linear", {linear_case(32, 128, 512), linear_case(2048, 256, 256), linear_case(6272, 64, 64)}},
        {"linear_concat",
         {linear_concat_case(Shape{32, 14, 14}, 128, 64, 128),
          linear_concat_case(Shape{8, 16, 16}, 256, 256, 256)}},
        {"group_norm",
         {group_norm_case({32, 28, 28, 64, 0, 32, false, true}),
          group_norm_case({32, 14, 14, 128, 64, 32, false, true}),
          group_norm_case({8, 32, 32, 128, 0, 32, true, true}),
          group_norm_case({8, 16, 16, 256, 256, 32, false, true}),
          group_norm_case({8, 16, 16, 256, 0, 32, false, false})}},
        {"attention",
         {attention_case(8, 256, 256, 1), attention_case(8, 256, 256, 4), attention_case(32, 49, 128, 1)}},
        {"silu", {silu_case(Shape{8, 32, 32, 128}), silu_case(Shape{32, 512})}},
        {"add", {add_case(Shape{32, 28, 28, 64}), add_case(Shape{8, 16, 16, 256})}},
        {"add_per_channel", {add_per_channel_case(Shape{8, 16, 16, 256})}},
        {"scale_shift", {scale_shift_case(Shape{8, 16, 16, 256})}},
        {"reshape and silu", {reshape_case(Shape{8, 16, 16, 256}, Shape{8, 256, 256})}},
        {"upsample_nearest",
         {upsample_nearest_case(Shape{32, 14, 14, 64}), upsample_nearest_case(Shape{8, 16, 16, 256})}},
        {"average_pool",
         {average_pool_case(Shape{32, 28, 28, 64}), average_pool_case(Shape{8, 32, 32, 128})}},
        {"embedding", {embedding_case(10, 512, labels)}},
        {"cross_entropy", {cross_entropy_case(64, 10), cross_entropy_case(128, 1000)}},
        {"spatial_mean", {spatial_mean_case(Shape{64, 7, 7, 96})}},
        {"squared_error",
         {squared_error_case(Shape{32, 28, 28, 1}), squared_error_case(Shape{8, 32, 32, 3})}},
        {"absolute_error",
         {absolute_error_case(Shape{32, 28, 28, 1}), absolute_error_case(Shape{8, 32, 32, 3})}},
        {"hybrid_loss", {hybrid_loss_case(Shape{32, 28, 28, 1}), hybrid_loss_case(Shape{8, 32, 32, 3})}},
    };
    if (device == Device::cpu) return families;
    // Sizes that fill a card: DDPM's on CIFAR-10 with 128 images.
    const auto also = [&](const std::string& name, std::vector<OpCase> more) {
        const auto family =
            std::find_if(families.begin(), families.end(), [&](const OpFamily& f) { return f.name == name; });
        for (OpCase& op_case : more) family->timed.push_back(std::move(op_case));
    };
    also("conv2d", {convolution_case({128, 32, 32, 128, 128}), convolution_case({128, 16, 16, 256, 256}),
                    convolution_case({128, 8, 8, 256, 256})});
    also("linear", {linear_case(128 * 256, 256, 256)});
    also("group_norm", {group_norm_case({128, 32, 32, 128, 0, 32, true, true}),
                        group_norm_case({128, 16, 16, 256, 256, 32, false, true})});
    also("attention", {attention_case(128, 256, 256, 1), attention_case(32, 1024, 256, 4)});
    return families;
}

} // namespace heat::bench
