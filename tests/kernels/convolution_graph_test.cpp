#include "kernels/descriptions/convolution_graph.h"

#include <doctest/doctest.h>

namespace heat::kernels {

TEST_SUITE("kernels") {
    TEST_CASE("convolution graph: values by hand") {
        // 2 images of 8 × 10 × 5 to 7 channels, 3 × 3, stride 2, padded below and to the right only.
        const ConvolutionShape s{2, 8, 10, 5, 7, 3, 3, 2, 0, 0, 1, 1};
        const ConvolutionGraph g = convolution_graph(s, Dtype::bf16, Dtype::bf16, ConvolutionPass::forward);
        CHECK(g.x == GraphTensor{1, {2, 5, 8, 10}, {400, 1, 50, 5}, Dtype::bf16});
        CHECK(g.w == GraphTensor{2, {7, 5, 3, 3}, {45, 1, 15, 5}, Dtype::bf16});
        CHECK(g.y == GraphTensor{3, {2, 7, 4, 5}, {140, 1, 35, 7}, Dtype::bf16});
        CHECK(g.stride == std::array<int64_t, 2>{2, 2});
        CHECK(g.pad_before == std::array<int64_t, 2>{0, 0});
        CHECK(g.pad_after == std::array<int64_t, 2>{1, 1});
        CHECK(g.dilation == std::array<int64_t, 2>{1, 1});
    }

    TEST_CASE("convolution graph: what differs between the passes") {
        const ConvolutionShape s{1, 6, 11, 2, 3, 2, 5, 3, 1, 2, 0, 3};
        const auto weights = convolution_graph(s, Dtype::bf16, Dtype::f32, ConvolutionPass::backward_weights);
        CHECK(weights.w.dtype == Dtype::f32);
        CHECK(weights.x.dtype == Dtype::bf16);
        CHECK(weights.pad_before == std::array<int64_t, 2>{1, 2}); // height first
        CHECK(weights.pad_after == std::array<int64_t, 2>{0, 3});
        CHECK(weights.y.extents == std::array<int64_t, 4>{1, 3, 2, 4});

        const auto biased = convolution_graph(s, Dtype::bf16, Dtype::bf16, ConvolutionPass::forward_bias);
        CHECK(biased.bias == GraphTensor{4, {1, 3, 1, 1}, {3, 1, 3, 3}, Dtype::bf16});
        CHECK(biased.product.intermediate);
        CHECK(biased.product.dtype == Dtype::f32); // the sum is rounded once
        CHECK(biased.product.extents == biased.y.extents);
        CHECK(biased.product.strides == biased.y.strides);
        CHECK_FALSE(biased.y.intermediate);

        const auto added = convolution_graph(s, Dtype::bf16, Dtype::bf16, ConvolutionPass::forward_residual);
        CHECK(added.product == biased.product);
        CHECK(added.bias == biased.bias);
        CHECK(added.summed.intermediate);
        CHECK(added.summed.dtype == Dtype::f32);
        CHECK(added.residual == GraphTensor{7, added.y.extents, added.y.strides, Dtype::bf16});
    }

    TEST_CASE("graph tensor: pointers must be aligned to 16 bytes") {
        CHECK(aligned_for_graph(reinterpret_cast<const void*>(uintptr_t(4096))));
        CHECK_FALSE(aligned_for_graph(reinterpret_cast<const void*>(uintptr_t(4096 + 8))));
    }
}

} // namespace heat::kernels
