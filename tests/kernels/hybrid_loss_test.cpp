#include "kernels/hybrid_loss.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/hybrid_loss.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

namespace {

using Doubles = std::vector<double>;

/// Five images of 3×2 pixels and 3 channels, at levels 1, 2, 3, 1 and 4.
struct HybridCase {
    static constexpr int images = 5, pixels = 6, channels = 3, count = pixels * channels;
    std::vector<int32_t> levels{1, 2, 3, 1, 4};
    std::vector<HybridLevel> rows{{},
                                  {0.7f, 0.02f, 0.f, -7.f, 1.5f},
                                  {1.f, 0.1f, 0.3f, -5.f, 0.9f},
                                  {0.4f, -0.2f, 2.f, -3.f, 0.02f},
                                  {0.f, 0.3f, 0.01f, -1.f, 3e-4f}};
    std::vector<float> weight{1, 2, 0.5f, 3, 1.5f};
    double bound = 1.7, scale = 0.125;
    Doubles output = reference::random_values(size_t(images) * 2 * count, 1);
    std::vector<float> target = reference::stored<float>(reference::random_values(size_t(images) * count, 2)),
                       clean;

    template <class T>
    static HybridCase of() {
        HybridCase c;
        c.output = reference::widened(reference::stored<T>(c.output));
        return c;
    }
    HybridCase() {
        for (size_t i = 0; i < target.size(); ++i) // both outermost bins, and those between
            clean.push_back(float(i % 256 == 7 ? 255 : i % 5 == 0 ? 0 : i * 37 % 256) / 127.5f - 1.f);
    }

    size_t at(size_t i, size_t e) const { return i * 2 * count + e / channels * 2 * channels + e % channels; }
    double error(size_t i, size_t e) const { return output[at(i, e)] - target[i * count + e]; }

    /// The bound's term of an element whose error is held at `held`.
    double term(size_t i, size_t e, double held) const {
        const HybridLevel& row = rows[size_t(levels[i])];
        const double log_variance = row.log_low + row.span * (output[at(i, e) + channels] + 1) / 2;
        if (levels[i] == 1) {
            const double x = clean[i * count + e];
            return reference::negative_log_likelihood(x, x - row.mean * held, log_variance);
        }
        const double difference = std::sqrt(row.precision * std::exp(double(row.log_low))) * held;
        return reference::gaussian_divergence(difference, row.log_low, log_variance);
    }
    double of_image(size_t i) const {
        double sum = 0;
        for (size_t e = 0; e < count; ++e)
            sum +=
                rows[size_t(levels[i])].simple * error(i, e) * error(i, e) + bound * term(i, e, error(i, e));
        return sum;
    }
};

template <class T>
void check_hybrid_loss(const Stream& stream) {
    CAPTURE(stream.on_cuda);
    CAPTURE(sizeof(T));
    HybridCase c = HybridCase::of<T>();
    const float upstream = 1.5f;
    DeviceArray<T> output(stream, reference::stored<T>(c.output)), d_output(stream, c.output.size());
    DeviceArray<float> target(stream, c.target), clean(stream, c.clean), weight(stream, c.weight),
        up(stream, {upstream}), per_image(stream, size_t(c.images));
    DeviceArray<int32_t> levels(stream, c.levels);
    DeviceArray<HybridLevel> table(stream, c.rows);
    hybrid_loss(stream, output.data(), target.data(), clean.data(), levels.data(), table.data(),
                float(c.bound), c.images, c.pixels, c.channels, per_image.data());
    Doubles expected;
    for (size_t i = 0; i < size_t(c.images); ++i) expected.push_back(c.of_image(i));
    CHECK(reference::nmse(reference::widened(per_image.host()), expected) < 1e-10);

    hybrid_loss_backward(stream, output.data(), target.data(), clean.data(), levels.data(), table.data(),
                         float(c.bound), weight.data(), float(c.scale), up.data(), c.images, c.pixels,
                         c.channels, d_output.data());
    const Doubles gradient = reference::widened(d_output.host());
    for (size_t i = 0; i < size_t(c.images);
         ++i) { // image by image, since terms of levels differ by magnitudes
        CAPTURE(i);
        const double share = upstream * c.scale * c.weight[i];
        Doubles of_prediction, of_variance, expected_prediction, expected_variance;
        for (size_t e = 0; e < size_t(c.count); ++e) {
            of_prediction.push_back(gradient[c.at(i, e)]);
            expected_prediction.push_back(2 * share * c.rows[size_t(c.levels[i])].simple * c.error(i, e));
            of_variance.push_back(gradient[c.at(i, e) + c.channels]);
            double& v = c.output[c.at(i, e) + c.channels];
            const double kept = v, held = c.error(i, e), step = 1e-4;
            v = kept + step;
            const double above = c.term(i, e, held);
            v = kept - step;
            expected_variance.push_back(share * c.bound * (above - c.term(i, e, held)) / (2 * step));
            v = kept;
        }
        const double tolerance = reference::tolerance<T>;
        CHECK(reference::nmse(of_prediction, expected_prediction) < tolerance);
        CHECK(reference::nmse(of_variance, expected_variance) < tolerance);
    }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("hybrid loss: the terms in double, and gradients that hold the mean in the bound") {
    for (const Stream& stream : test_streams()) {
        check_hybrid_loss<float>(stream);
        check_hybrid_loss<bf16>(stream);
    }
}

TEST_CASE("hybrid loss: the oracle's likelihoods add up to 1, its divergence is that of the integral") {
    for (const double mean : {-1.02, -0.3, 0.0, 0.9991})
        for (const double log_variance : {-9.0, -3.0}) {
            double sum = 0;
            for (int bin = 0; bin < 256; ++bin)
                sum += std::exp(-reference::negative_log_likelihood(bin / 127.5 - 1, mean, log_variance));
            CHECK(sum == doctest::Approx(1).epsilon(1e-8));
        }
    double integral = 0;
    const double log_of = -1, log_from = 0.3, difference = 0.4;
    for (double x = -12; x < 12; x += 1e-3) {
        const double of = std::exp(-x * x / 2 / std::exp(log_of)) / std::sqrt(2 * M_PI * std::exp(log_of));
        const double y = x - difference;
        const double log_ratio =
            -x * x / 2 / std::exp(log_of) - log_of / 2 + y * y / 2 / std::exp(log_from) + log_from / 2;
        integral += 1e-3 * of * log_ratio;
    }
    CHECK(reference::gaussian_divergence(difference, log_of, log_from) ==
          doctest::Approx(integral).epsilon(1e-8));
    CHECK(reference::gaussian_divergence(0, -2, -2) == 0.0);
}

TEST_SUITE_END();
