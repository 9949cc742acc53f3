#if defined(HEAT_WITH_CUDNN)

// Plans are made for a card that is described, not present: cuDNN checks every descriptor, names its engines
// and finalises their plans. What a plan computes is checked on a card, by convolution_test.cpp and
// attention_test.cpp.

#include "kernels/cudnn/backend.h"
#include "kernels/error.h"

#include <doctest/doctest.h>

namespace heat::kernels::cudnn {
namespace {

/// The properties of an H100 in the words of CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION.
const char* const h100 = R"({"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
    "regsPerBlock": 65536, "multiProcessorCount": 132, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536,
    "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0,
    "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "l2CacheSize": 52428800,
    "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900, "driverVer": 13000,
    "totalGlobalMem": 85000000000, "cudaDeviceId": 0})";

const Descriptor& card() {
    static const Descriptor described = described_device(h100);
    return described;
}

std::optional<Plan> plan_for(const ConvolutionShape& s, Dtype dtype, Dtype weights, ConvolutionPass pass,
                             MathMode mode, std::string* reason) {
    return make_convolution_pass(convolution_graph(s, dtype, weights, pass), card(), mode, reason);
}

// Of networks, and the odd ones of the other tests: 1, 3 and 5 channels, strides, padding on two sides only.
const std::vector<ConvolutionShape> shapes{
    {128, 32, 32, 128, 128, 3, 3, 1, 1, 1, 1, 1}, {128, 32, 32, 3, 128, 3, 3, 1, 1, 1, 1, 1},
    {128, 32, 32, 128, 3, 3, 3, 1, 1, 1, 1, 1},   {64, 28, 28, 1, 32, 3, 3, 1, 1, 1, 1, 1},
    {64, 28, 28, 32, 1, 3, 3, 1, 1, 1, 1, 1},     {128, 16, 16, 512, 256, 3, 3, 1, 1, 1, 1, 1},
    {128, 16, 16, 256, 256, 1, 1, 1, 0, 0, 0, 0}, {128, 32, 32, 128, 128, 3, 3, 2, 0, 0, 1, 1},
    {2, 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1},         {1, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1},
    {2, 9, 7, 16, 16, 3, 3, 2, 1, 1, 1, 1},       {1, 8, 10, 5, 7, 3, 3, 2, 0, 0, 1, 1},
    {3, 4, 4, 33, 17, 1, 1, 1, 0, 0, 0, 0},       {1, 6, 11, 2, 3, 2, 5, 3, 0, 2, 1, 3},
};

} // namespace

TEST_SUITE("kernels") {
    TEST_CASE("cudnn: a plan for each pass of each convolution") {
        for (const ConvolutionShape& s : shapes)
            for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
                for (const MathMode mode : {MathMode{true, false}, MathMode{false, true}})
                    for (const ConvolutionPass pass :
                         {ConvolutionPass::forward, ConvolutionPass::backward_data,
                          ConvolutionPass::backward_weights}) {
                        INFO(s.n << "×" << s.h << "×" << s.w << "×" << s.c_in << " to " << s.c_out);
                        CAPTURE(name_of(dtype));
                        CAPTURE(name_of(pass));
                        CAPTURE(mode.tf32);
                        std::string reason;
                        const auto plan = plan_for(s, dtype, dtype, pass, mode, &reason);
                        CAPTURE(reason);
                        REQUIRE(plan);
                        CHECK(plan->workspace_bytes() <= size_t(1) << 30);
                    }
    }

    TEST_CASE("cudnn: a bias and a residual are added in the convolution's own kernel") {
        for (const ConvolutionShape& s : shapes)
            for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
                for (const ConvolutionPass pass :
                     {ConvolutionPass::forward_bias, ConvolutionPass::forward_residual}) {
                    INFO(s.n << "×" << s.h << "×" << s.w << "×" << s.c_in << " to " << s.c_out);
                    CAPTURE(name_of(dtype));
                    CAPTURE(name_of(pass));
                    std::string reason;
                    CHECK(plan_for(s, dtype, dtype, pass, {}, &reason));
                    CHECK(reason.empty());
                }
    }

    TEST_CASE("cudnn: tensor cores for f32 only where TF32 is allowed") {
        const ConvolutionShape s{128, 32, 32, 128, 128, 3, 3, 1, 1, 1, 1, 1};
        const auto text = [&](Dtype dtype, MathMode mode) {
            return plan_for(s, dtype, dtype, ConvolutionPass::forward, mode, nullptr)->text();
        };
        const std::string marked = "tensor cores";
        CHECK(text(Dtype::f32, {.tf32 = true}).find(marked) != std::string::npos);
        CHECK(text(Dtype::f32, {.tf32 = false}).find(marked) == std::string::npos);
        CHECK(text(Dtype::bf16, {.tf32 = false}).find(marked) != std::string::npos);
    }

    // Attention's engines are compiled for the card, which takes the driver: without it cuDNN has none to
    // offer, but still checks each descriptor and the operations as a graph.
    TEST_CASE("cudnn: the passes of attention are graphs that it takes") {
        const std::string no_engine = "no engine that keeps the math mode";
        for (const AttentionShape& s :
             {AttentionShape{128, 256, 1, 256}, {128, 256, 4, 64}, {16, 49, 2, 48}, {2, 7, 2, 8}})
            for (const bool deterministic : {false, true}) {
                CAPTURE(s.tokens);
                CAPTURE(s.depth);
                CAPTURE(deterministic);
                const MathMode mode{true, deterministic};
                std::string reason;
                if (!make_attention_forward(s, card(), mode, &reason)) CHECK(reason == no_engine);
                if (!make_attention_backward(s, card(), mode, &reason)) CHECK(reason == no_engine);
            }
    }

    TEST_CASE("cudnn: what it refuses is told in its words") {
        ConvolutionGraph g = convolution_graph({2, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1}, Dtype::f32, Dtype::f32,
                                               ConvolutionPass::forward);
        g.y.extents[2] = 5; // not what the sizes give
        std::string reason;
        CHECK_FALSE(make_convolution_pass(g, card(), {}, &reason));
        CHECK(reason.find("CUDNN_STATUS_BAD_PARAM") != std::string::npos);
        CHECK_THROWS_WITH_AS(described_device("{}"), doctest::Contains("CUDNN_STATUS_BAD_PARAM"), Error);
        CHECK_THROWS_WITH_AS(check(CUDNN_STATUS_EXECUTION_FAILED, "a call"),
                             doctest::Contains("cuDNN: a call: CUDNN_STATUS_EXECUTION_FAILED"), Error);
    }
}

} // namespace heat::kernels::cudnn

#endif
