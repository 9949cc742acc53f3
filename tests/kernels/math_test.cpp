#include "kernels/math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace heat::kernels;

namespace {

/// Largest error of f at `count` points from `first` to `last`, relative to |expected| where `relative`.
template <class F, class G>
double worst(F f, G expected, double first, double last, bool relative, int count = 200001) {
    double result = 0.;
    for (int i = 0; i < count; ++i) {
        const float x = float(first + (last - first) * i / (count - 1));
        const double e = expected(double(x)), error = std::abs(double(f(x)) - e);
        result = std::max(result, relative ? error / std::abs(e) : error);
    }
    return result;
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("math: exp_f32") {
    CHECK(worst([](float x) { return exp_f32(x); }, [](double x) { return std::exp(x); }, -87., 88., true) <
          2e-7);
    CHECK(exp_f32(0.f) == 1.f);
    CHECK(std::isfinite(exp_f32(1000.f)));
    CHECK(exp_f32(INFINITY) == exp_f32(1000.f));
    CHECK(exp_f32(-INFINITY) < 2e-38f);
    CHECK(exp_f32(-INFINITY) >= 0.f);
    CHECK(std::isnan(exp_f32(NAN)));
}

TEST_CASE("math: log_f32") {
    const auto log = [](float x) { return log_f32(x); };
    const auto expected = [](double x) { return std::log(x); };
    CHECK(worst(log, expected, 1e-7, 1., false) < 2e-6); // of values down to -16
    CHECK(worst(log, expected, 0.5, 0.999, true) < 2e-7);
    CHECK(worst(log, expected, 0.999, 0.99999, true) < 2e-7);
    CHECK(worst(log, expected, 1.5, 1e6, true) < 2e-7);
    CHECK(log_f32(1.f) == 0.f);
    CHECK(log_f32(5.9604645e-8f) == doctest::Approx(-24. * std::numbers::ln2).epsilon(1e-7)); // 2^-24
}

TEST_CASE("math: sin_pi_half and cos_pi_half") {
    const auto sine = [](double r) { return std::sin(std::numbers::pi * r); };
    const auto cosine = [](double r) { return std::cos(std::numbers::pi * r); };
    CHECK(worst([](float r) { return sin_pi_half(r); }, sine, -0.5, 0.5, false) < 2.5e-7);
    CHECK(worst([](float r) { return cos_pi_half(r); }, cosine, -0.5, 0.5, false) < 2.5e-7);
    CHECK(sin_pi_half(0.f) == 0.f);
    CHECK(cos_pi_half(0.f) == 1.f);
}

TEST_CASE("math: silu and its derivative") {
    const auto sigmoid = [](double x) { return 1. / (1. + std::exp(-x)); };
    CHECK(worst([](float x) { return silu(x); }, [&](double x) { return x * sigmoid(x); }, -40., 40., false) <
          4e-6);
    CHECK(worst([](float x) { return silu(x); }, [&](double x) { return x * sigmoid(x); }, 0.01, 80., true) <
          4e-7);
    CHECK(worst([](float x) { return silu_derivative(x); },
                [&](double x) { return sigmoid(x) * (1. + x * (1. - sigmoid(x))); }, -80., 80.,
                false) < 1e-6);
    CHECK(silu(-200.f) == doctest::Approx(0.));
    CHECK(silu(200.f) == 200.f);
}

TEST_SUITE_END();
