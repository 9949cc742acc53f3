// The oracles themselves, against numbers computed by hand, finite differences and adjoints.

#include "tests/reference/activation.h"
#include "tests/reference/adam.h"
#include "tests/reference/convolution.h"
#include "tests/reference/embedding.h"
#include "tests/reference/gemm.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/resample.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>

using namespace heat::reference;
using Vector = std::vector<double>;

namespace {

double dot(const Vector& a, const Vector& b) {
    REQUIRE(a.size() == b.size());
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.);
}

/// d/dx dot(f(x), dy) by central differences.
Vector numerical_gradient(const std::function<Vector(const Vector&)>& f, Vector x, const Vector& dy) {
    Vector gradient;
    for (double& v : x) {
        const double old = v, h = 1e-5;
        v = old + h;
        const double above = dot(f(x), dy);
        v = old - h;
        gradient.push_back((above - dot(f(x), dy)) / (2. * h));
        v = old;
    }
    return gradient;
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("reference: group norm's gradients are those of finite differences") {
    for (const bool silu : {false, true}) {
        const GroupNormSizes s{2, 5, 6, 2, 1e-3, silu};
        const Vector u = random_values(60, 1, 0.5, 2.), dy = random_values(60, 2);
        const Vector gamma = random_values(6, 3), beta = random_values(6, 4);
        const GroupNormBackward d = group_norm_backward(s, u, gamma, beta, dy);
        const auto by_u = [&](const Vector& v) { return group_norm_forward(s, v, gamma, beta).y; };
        const auto by_gamma = [&](const Vector& v) { return group_norm_forward(s, u, v, beta).y; };
        const auto by_beta = [&](const Vector& v) { return group_norm_forward(s, u, gamma, v).y; };
        CHECK(nmse(d.u, numerical_gradient(by_u, u, dy)) < 1e-14);
        CHECK(nmse(d.gamma, numerical_gradient(by_gamma, gamma, dy)) < 1e-14);
        CHECK(nmse(d.beta, numerical_gradient(by_beta, beta, dy)) < 1e-14);
    }
}

TEST_CASE("reference: group norm makes a group zero-mean and of unit variance") {
    const GroupNormSizes s{1, 2, 4, 2, 0., false};
    const Vector y = group_norm_forward(s, {1, 3, 10, 10, 5, 7, 20, 20}, {1, 1, 1, 1}, {0, 0, 0, 0}).y;
    const double a = 1. / std::sqrt(5.); // of 1, 3, 5, 7: mean 4, variance 5
    CHECK(largest_error(y, {-3 * a, -a, -1, -1, a, 3 * a, 1, 1}) < 1e-14);
}

TEST_CASE("reference: the gradients of silu and softmax are those of finite differences") {
    const Vector x = random_values(15, 5, 0., 2.), dy = random_values(15, 6);
    CHECK(nmse(silu_backward(x, dy), numerical_gradient(silu_forward, x, dy)) < 1e-14);
    const auto softmax = [](const Vector& v) { return softmax_forward(v, 3, 5); };
    CHECK(nmse(softmax_backward(softmax(x), dy, 3, 5), numerical_gradient(softmax, x, dy)) < 1e-14);
    CHECK(largest_error(softmax_forward({0., std::log(3.)}, 1, 2), {0.25, 0.75}) < 1e-15);
}

TEST_CASE("reference: convolution by hand, padded on two sides only") {
    // Image {1 2; 3 4}, kernel {1 10; 100 1000}, a zero row below and a zero column to the right.
    ConvolutionSizes s{1, 2, 2, 1, 1, 2, 2, 1, 0, 0, 1, 1};
    const Vector x{1, 2, 3, 4}, weight{1, 10, 100, 1000};
    CHECK(convolution_forward(s, x, weight, {0.5}) == Vector{4321.5, 402.5, 43.5, 4.5});
    s.pad_top = s.pad_left = 1;
    s.pad_bottom = s.pad_right = 0;
    CHECK(convolution_forward(s, x, weight, {}) == Vector{1000, 2100, 3010, 4321});
    s.stride = 2;
    CHECK(convolution_forward(s, x, weight, {}) == Vector{1000});
}

TEST_CASE("reference: convolution's backward passes are its adjoints") {
    const ConvolutionSizes s{2, 7, 6, 3, 4, 3, 2, 2, 0, 1, 1, 0};
    const Vector x = random_values(2 * 7 * 6 * 3, 7), weight = random_values(4 * 3 * 2 * 3, 8);
    const Vector dy = random_values(size_t(2) * s.out_h() * s.out_w() * 4, 9);
    const double expected = dot(convolution_forward(s, x, weight, {}), dy);
    CHECK(dot(convolution_backward_data(s, weight, dy), x) == doctest::Approx(expected).epsilon(1e-12));
    CHECK(dot(convolution_backward_weights(s, x, dy), weight) == doctest::Approx(expected).epsilon(1e-12));
    const Vector bias{1, 2, 3, 4}, zero(x.size());
    CHECK(dot(convolution_backward_bias(s, dy), bias) ==
          doctest::Approx(dot(convolution_forward(s, zero, weight, bias), dy)).epsilon(1e-12));
}

TEST_CASE("reference: matrix products, plain and transposed") {
    const Vector a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, 1, 0, 3}; // 2 × 3 and 3 × 2
    const Vector expected{5, 11, 14, 23};
    CHECK(gemm(2, 2, 3, a, b) == expected);
    CHECK(gemm(2, 2, 3, {1, 4, 2, 5, 3, 6}, b, true, false) == expected);
    CHECK(gemm(2, 2, 3, a, {1, 2, 0, 0, 1, 3}, false, true) == expected);
}

TEST_CASE("reference: resampling by hand, and backward passes as adjoints") {
    const Vector x{1, 2, 3, 4};
    CHECK(upsample_nearest_forward(x, 1, 1, 2, 2) == Vector{1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4});
    CHECK(average_pool_forward(x, 1, 2, 2, 1) == Vector{2.5});
    const Vector coarse = random_values(2 * 3 * 5 * 2, 10), fine = random_values(4 * coarse.size(), 11);
    CHECK(dot(upsample_nearest_forward(coarse, 2, 3, 5, 2), fine) ==
          doctest::Approx(dot(upsample_nearest_backward(fine, 2, 3, 5, 2), coarse)).epsilon(1e-12));
    CHECK(dot(average_pool_forward(fine, 2, 6, 10, 2), coarse) ==
          doctest::Approx(dot(average_pool_backward(coarse, 2, 6, 10, 2), fine)).epsilon(1e-12));
}

TEST_CASE("reference: the sinusoidal embedding by hand") {
    CHECK(largest_error(sinusoidal_embedding({2.}, 5, false, 1.),
                        {std::sin(2.), std::sin(2e-4), std::cos(2.), std::cos(2e-4), 0.}) < 1e-15);
    CHECK(largest_error(sinusoidal_embedding({2.}, 4, true, 0.),
                        {std::cos(2.), std::cos(0.02), std::sin(2.), std::sin(0.02)}) < 1e-15);
}

TEST_CASE("reference: Adam's first step is the learning rate towards the sign of the gradient") {
    AdamState state{{1., 1.}, {0., 0.}, {0., 0.}, {1., 1.}};
    adam_step({0.1, 0.9, 0.999, 0., 0.}, 1, 0.5, {3., -0.001}, state);
    CHECK(largest_error(state.parameter, {0.9, 1.1}) < 1e-14);
    CHECK(largest_error(state.ema, {0.95, 1.05}) < 1e-14);
    adam_step({0.1, 0.9, 0.999, 0., 0.01}, 2, 0.5, {3., -0.001}, state);
    CHECK(largest_error(state.parameter, {0.9 * 0.999 - 0.1, 1.1 * 0.999 + 0.1}) < 1e-14);
}

TEST_SUITE_END();
