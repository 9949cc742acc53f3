#include "kernels/convolution.h"
#include "kernels/math_mode.h"
#include "kernels/winograd/winograd.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/convolution.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

namespace heat::kernels {
namespace {

const std::vector<ConvolutionShape> shapes{
    {2, 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1},   {1, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1},
    {2, 8, 6, 16, 32, 3, 3, 1, 1, 1, 1, 1}, {2, 9, 7, 16, 16, 3, 3, 2, 1, 1, 1, 1},
    {1, 8, 10, 5, 7, 3, 3, 2, 0, 0, 1, 1},  {3, 4, 4, 33, 17, 1, 1, 1, 0, 0, 0, 0},
    {1, 6, 11, 2, 3, 2, 5, 3, 0, 2, 1, 3},
};

/// One plan's three passes against the plain loops.
template <class T>
void check_plan(const ConvolutionPlan& plan, const ConvolutionShape& s, const Stream& stream,
                double tolerance = reference::tolerance<T>) {
    INFO(plan.implementation() << " " << s.n << "×" << s.h << "×" << s.w << "×" << s.c_in << " to "
                               << s.c_out);
    const reference::ConvolutionSizes r{s.n,       s.h,        s.w,          s.c_in,
                                        s.c_out,   s.kernel_h, s.kernel_w,   s.stride,
                                        s.pad_top, s.pad_left, s.pad_bottom, s.pad_right};
    const size_t x_size = size_t(s.n) * s.h * s.w * s.c_in,
                 y_size = size_t(s.n) * s.out_h() * s.out_w() * s.c_out;
    const size_t w_size = size_t(s.c_out) * s.kernel_h * s.kernel_w * s.c_in;
    const auto x = reference::random_stored<T>(x_size, 1), dy = reference::random_stored<T>(y_size, 2),
               residual = reference::random_stored<T>(y_size, 6);
    auto w = reference::random_stored<float>(w_size, 3);
    w.exact = reference::widened(reference::stored<T>(w.exact)); // packing rounds the master to T
    const auto bias = reference::random_stored<float>(size_t(s.c_out), 4),
               before = reference::random_stored<float>(w_size + size_t(s.c_out), 5);

    DeviceArray<T> device_x(stream, x.stored), device_dy(stream, dy.stored),
        device_residual(stream, residual.stored), y(stream, y_size), dx(stream, x_size);
    DeviceArray<float> device_w(stream, w.stored), device_bias(stream, bias.stored),
        gradients(stream, before.stored);
    DeviceArray<char> packed(stream, plan.packed_forward_bytes()),
        transposed(stream, plan.packed_backward_bytes()), workspace(stream, plan.workspace_bytes());
    plan.pack_forward(stream, device_w.data(), packed.data());
    plan.pack_backward(stream, device_w.data(), transposed.data());
    // A plan that packs nothing reads the master.
    const void* forward_weight =
        plan.packed_forward_bytes() ? static_cast<void*>(packed.data()) : device_w.data();
    const void* backward_weight =
        plan.packed_backward_bytes() ? static_cast<void*>(transposed.data()) : device_w.data();

    for (const bool with_bias : {true, false})
        for (const bool with_residual : {true, false}) {
            CAPTURE(with_bias);
            CAPTURE(with_residual);
            plan.forward(stream, device_x.data(), forward_weight, with_bias ? device_bias.data() : nullptr,
                         with_residual ? device_residual.data() : nullptr, y.data(), workspace.data());
            std::vector<double> expected = reference::convolution_forward(
                r, x.exact, w.exact, with_bias ? bias.exact : std::vector<double>());
            for (size_t i = 0; with_residual && i < y_size; ++i) expected[i] += residual.exact[i];
            CHECK(reference::nmse(reference::widened(y.host()), expected) <= tolerance);
        }
    plan.backward_data(stream, device_dy.data(), backward_weight, dx.data(), workspace.data());
    CHECK(reference::nmse(reference::widened(dx.host()),
                          reference::convolution_backward_data(r, w.exact, dy.exact)) <= tolerance);

    plan.backward_weights(stream, device_x.data(), device_dy.data(), gradients.data(),
                          gradients.data() + w_size, workspace.data());
    std::vector<double> expected = reference::convolution_backward_weights(r, x.exact, dy.exact);
    const std::vector<double> bias_gradient = reference::convolution_backward_bias(r, dy.exact);
    expected.insert(expected.end(), bias_gradient.begin(), bias_gradient.end());
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += before.exact[i]; // gradients accumulate
    CHECK(reference::nmse(reference::widened(gradients.host()), expected) <= tolerance);
}

} // namespace

TEST_SUITE("kernels") {
    TEST_CASE("convolution: the device's plan, three passes") {
        for (const Stream& stream : test_streams())
            for (const ConvolutionShape& s : shapes) {
                check_plan<float>(convolution_plan(stream, s, Dtype::f32), s, stream);
                check_plan<bf16>(convolution_plan(stream, s, Dtype::bf16), s, stream);
            }
    }

    TEST_CASE("convolution: TF32 or deterministic where that is set") {
        const MathMode before = math_mode();
        for (const MathMode mode : {MathMode{true, false}, MathMode{false, true}})
            for (const Stream& stream : test_streams())
                for (const ConvolutionShape& s : shapes) {
                    set_math_mode(mode);
                    check_plan<float>(convolution_plan(stream, s, Dtype::f32), s, stream,
                                      stream.on_cuda && mode.tf32 ? 1e-6 : 1e-7);
                    check_plan<bf16>(convolution_plan(stream, s, Dtype::bf16), s, stream);
                }
        set_math_mode(before);
    }

    TEST_CASE("convolution: on the GPU a pointer that is not aligned takes another way") {
        const ConvolutionShape s{2, 8, 6, 16, 32, 3, 3, 1, 1, 1, 1, 1};
        for (const Stream& stream : test_streams()) {
            if (!stream.on_cuda) continue; // libraries of the CPU take any pointer
            const ConvolutionPlan& plan = convolution_plan(stream, s, Dtype::f32);
            const auto x = reference::random_stored<float>(1 + size_t(2) * 8 * 6 * 16, 1);
            const auto w = reference::random_stored<float>(size_t(32) * 9 * 16, 2);
            DeviceArray<float> device_x(stream, x.stored), device_w(stream, w.stored),
                y(stream, size_t(2) * 8 * 6 * 32);
            DeviceArray<char> workspace(stream, plan.workspace_bytes());
            plan.forward(stream, device_x.data() + 1, device_w.data(), nullptr, nullptr, y.data(),
                         workspace.data());
            const reference::ConvolutionSizes sizes{2, 8, 6, 16, 32, 3, 3, 1, 1, 1, 1, 1};
            const std::vector<double> moved(x.exact.begin() + 1, x.exact.end());
            CHECK(reference::nmse(reference::widened(y.host()),
                                  reference::convolution_forward(sizes, moved, w.exact, {})) <= 1e-7);
        }
    }

    TEST_CASE("convolution: im2col and our own product, three passes") {
        for (const Stream& stream : test_streams())
            for (const ConvolutionShape& s : shapes) {
                check_plan<float>(convolution_plan_portable(s, Dtype::f32), s, stream);
                CHECK(convolution_plan_portable(s, Dtype::f32).packed_forward_bytes() == 0); // the master
                check_plan<bf16>(convolution_plan_portable(s, Dtype::bf16), s, stream);
            }
    }

    TEST_CASE("convolution: Winograd tiles, three passes") {
        // Whole tiles, tiles that stick out on both sides, images smaller than one, several panels, few and
        // many tiles.
        const int v = winograd::channel_multiple();
        for (const ConvolutionShape& s :
             std::vector<ConvolutionShape>{{2, 8, 12, v, v, 3, 3, 1, 1, 1, 1, 1},
                                           {3, 7, 5, 2 * v, v, 3, 3, 1, 1, 1, 1, 1},
                                           {1, 1, 1, v, v, 3, 3, 1, 1, 1, 1, 1},
                                           {2, 13, 1, v, 3 * v, 3, 3, 1, 1, 1, 1, 1},
                                           {9, 14, 14, v, 5 * v, 3, 3, 1, 1, 1, 1, 1},
                                           {5, 28, 28, 6 * v, v, 3, 3, 1, 1, 1, 1, 1},
                                           {1, 4, 4, 9 * v, 9 * v, 3, 3, 1, 1, 1, 1, 1}}) {
            check_plan<float>(*winograd::make_convolution_plan(s, Dtype::f32), s, Stream{});
            check_plan<bf16>(*winograd::make_convolution_plan(s, Dtype::bf16), s, Stream{});
        }
        const ConvolutionShape odd{2, 8, 8, v + 1, v, 3, 3, 1, 1, 1, 1, 1},
            strided{2, 8, 8, v, v, 3, 3, 2, 1, 1, 1, 1};
        CHECK(winograd::make_convolution_plan(odd, Dtype::f32) == nullptr);
        CHECK(winograd::make_convolution_plan(strided, Dtype::f32) == nullptr);
        CHECK_FALSE(winograd::pays(odd, Dtype::f32));
        CHECK(winograd::pays({32, 28, 28, 4 * v, 4 * v, 3, 3, 1, 1, 1, 1, 1}, Dtype::f32));
    }

    TEST_CASE("convolution: bf16 Winograd tiles lose little more than bf16 itself") {
        const int v = winograd::channel_multiple();
        const ConvolutionShape s{4, 12, 12, 4 * v, v, 3, 3, 1, 1, 1, 1, 1};
        const size_t pixels = size_t(s.n) * s.h * s.w;
        const auto x = reference::random_stored<bf16>(pixels * size_t(s.c_in), 1);
        const auto w = reference::random_stored<float>(size_t(9) * s.c_in * s.c_out, 2);
        const auto plan = winograd::make_convolution_plan(s, Dtype::bf16);
        std::vector<bf16> y(pixels * size_t(s.c_out));
        std::vector<float> workspace(plan->workspace_bytes() / sizeof(float) + 1);
        plan->forward(Stream{}, x.stored.data(), w.stored.data(), nullptr, nullptr, y.data(),
                      workspace.data());
        const reference::ConvolutionSizes sizes{s.n, s.h, s.w, s.c_in, s.c_out, 3, 3, 1, 1, 1, 1, 1};
        const double error = reference::nmse(reference::widened(y),
                                             reference::convolution_forward(sizes, x.exact, w.exact, {}));
        CHECK(error <= (winograd::multiplies_bf16() ? 6e-5 : 1e-5));
    }

    TEST_CASE("convolution: a large batch is unfolded in several parts") {
        const ConvolutionShape s{40, 24, 24, 24, 8, 3, 3, 1, 1, 1, 1, 1}; // 19 MiB of patches
        check_plan<float>(convolution_plan_portable(s, Dtype::f32), s, Stream{});
    }

    TEST_CASE("convolution: impossible shapes are refused") {
        ConvolutionShape s{1, 2, 2, 1, 1, 5, 5, 1, 1, 1, 1, 1};
        CHECK_THROWS_AS(convolution_plan(Stream{}, s, Dtype::f32), Error);
        s = {0, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0};
        CHECK_THROWS_AS(convolution_plan(Stream{}, s, Dtype::f32), Error);
        s.n = 1;
        CHECK_THROWS_AS(convolution_plan(Stream{}, s, Dtype::i32), Error);
    }
}

} // namespace heat::kernels
