#include "kernels/optimizer.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/adam.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

namespace {

/// Three steps on n parameters whose arrays begin `offset` floats into their memory.
void check_adam(const Stream& stream, size_t n, size_t offset, double weight_decay) {
    CAPTURE(stream.on_cuda);
    CAPTURE(n);
    CAPTURE(offset);
    const reference::AdamOptions options{1e-2, 0.9, 0.99, 1e-6, weight_decay};
    const auto start = reference::random_stored<float>(n + offset, 1);
    const std::vector<double> parameter(start.exact.begin() + long(offset), start.exact.end());
    reference::AdamState expected{parameter, std::vector<double>(n), std::vector<double>(n), parameter};
    const std::vector<float> zeros(n + offset);
    DeviceArray<bf16> copy(stream, n + offset);
    DeviceArray<float> p(stream, start.stored), m(stream, zeros), v(stream, zeros), ema(stream, start.stored);
    for (int step = 1; step <= 3; ++step) {
        const double decay = (1. + step) / (10. + step);
        const auto g = reference::random_stored<float>(n + offset, 10 + step);
        std::vector<double> scaled;
        for (size_t i = 0; i < n; ++i) scaled.push_back(g.exact[offset + i] * 0.25);
        reference::adam_step(options, step, decay, scaled, expected);

        const OptimizerScalars scalars{float(options.learning_rate),
                                       float(options.beta1),
                                       float(options.beta2),
                                       float(options.epsilon),
                                       float(options.weight_decay),
                                       float(1. / (1. - std::pow(options.beta1, step))),
                                       float(1. / (1. - std::pow(options.beta2, step))),
                                       1.f,
                                       0.f,
                                       float(decay)};
        DeviceArray<OptimizerScalars> device_scalars(stream, 1);
        write_scalars(stream, device_scalars.data(), scalars);
        DeviceArray<float> scale(stream, {0.25f}), gradient(stream, g.stored);
        adam_step(stream, p.data() + offset, gradient.data() + offset, m.data() + offset, v.data() + offset,
                  ema.data() + offset, device_scalars.data(), scale.data(), int64_t(n),
                  step == 2, // where the scale is a number it makes no difference
                  step >= 2 ? copy.data() + offset : nullptr);
        std::vector<float> left = g.stored;
        for (size_t i = offset; i < left.size(); ++i) left[i] = 0.f;
        CHECK(gradient.host() == left);
    }
    const auto matches = [&](const DeviceArray<float>& actual, const std::vector<double>& wanted) {
        const std::vector<double> values = reference::widened(actual.host());
        return reference::nmse({values.begin() + long(offset), values.end()}, wanted) <= 1e-7;
    };
    CHECK(matches(p, expected.parameter));
    CHECK(matches(m, expected.first_moment));
    CHECK(matches(v, expected.second_moment));
    CHECK(matches(ema, expected.ema));
    const std::vector<float> values = p.host();
    for (size_t i = 0; i < offset; ++i) CHECK(values[i] == start.stored[i]);
    const std::vector<bf16> copied = copy.host();
    bool rounded = true;
    for (size_t i = offset; i < copied.size(); ++i)
        rounded = rounded && copied[i].bits == from_float<bf16>(values[i]).bits;
    CHECK(rounded);
}

struct Clip {
    float scale, norm;
};

Clip clip(const Stream& stream, float sum, float gradient_scale, float max_norm, bool skip = false) {
    OptimizerScalars scalars{};
    scalars.gradient_scale = gradient_scale;
    scalars.max_norm = max_norm;
    DeviceArray<OptimizerScalars> device_scalars(stream, {scalars});
    DeviceArray<float> squares(stream, {sum}), scale(stream, 1), norm(stream, 1);
    clip_scale(stream, squares.data(), device_scalars.data(), scale.data(), norm.data(), skip);
    return {scale.host()[0], norm.host()[0]};
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("optimizer: Adam, AdamW and the moving average") {
    for (const Stream& stream : test_streams()) {
        for (const size_t n : {1, 3, 64, 1031, 9973}) {
            check_adam(stream, n, 0, 0.);
            check_adam(stream, n, 0, 0.1);
            check_adam(stream, n, 3, 0.1);
        }
    }
}

TEST_CASE("optimizer: clipping to a global norm") {
    for (const Stream& stream : test_streams()) {
        const Clip clipped = clip(stream, 64.f, 0.5f, 1.f); // norm 4
        CHECK(clipped.norm == 4.f);
        CHECK(clipped.scale == doctest::Approx(0.5 / (4. + 1e-6)).epsilon(1e-6));
        CHECK(clip(stream, 64.f, 0.5f, 5.f).scale == 0.5f);
        CHECK(clip(stream, 64.f, 0.5f, 0.f).scale == 0.5f);
        CHECK(clip(stream, 64.f, 1.f, -1.f).scale == 1.f);
        CHECK(clip(stream, 0.f, 1.f, 1.f).scale == 1.f);
        CHECK(std::isnan(clip(stream, NAN, 1.f, 1.f).norm));
    }
}

TEST_CASE("optimizer: an update of a gradient that is not finite can be skipped") {
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        for (const float sum : {NAN, INFINITY}) {
            CHECK(std::isnan(clip(stream, sum, 1.f, 1.f, true).scale));
            CHECK_FALSE(std::isfinite(clip(stream, sum, 1.f, 1.f, true).norm));
            CHECK_FALSE(std::isnan(clip(stream, sum, 1.f, 1.f).scale));
        }
        CHECK(clip(stream, 64.f, 0.5f, 5.f, true).scale == 0.5f);

        const std::vector<float> values{1.f, -2.f, 3.f, 4.f, 5.f};
        DeviceArray<float> p(stream, values), m(stream, values), v(stream, values), ema(stream, values);
        DeviceArray<float> gradient(stream, {1.f, NAN, INFINITY, 2.f, 3.f}), scale(stream, {NAN});
        const OptimizerScalars scalars{0.1f, 0.9f, 0.99f, 1e-6f, 0.1f, 1.f, 1.f, 1.f, 1.f, 0.5f};
        DeviceArray<OptimizerScalars> device_scalars(stream, {scalars});
        const std::vector<bf16> old(5, bf16{0x4049});
        DeviceArray<bf16> copy(stream, old);
        adam_step(stream, p.data(), gradient.data(), m.data(), v.data(), ema.data(), device_scalars.data(),
                  scale.data(), 5, true, copy.data());
        for (const bf16& left : copy.host()) CHECK(left.bits == old[0].bits);
        for (const DeviceArray<float>* array : {&p, &m, &v, &ema}) CHECK(array->host() == values);
        CHECK(gradient.host() == std::vector<float>(5, 0.f));
    }
}

TEST_SUITE_END();
