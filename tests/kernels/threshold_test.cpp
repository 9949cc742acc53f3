#include "kernels/learned_variance.h"
#include "kernels/threshold.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace heat;
using namespace heat::kernels;

TEST_SUITE_BEGIN("kernels");

TEST_CASE("dynamic threshold: the quantile of a sorted image") {
    const float low = -0.5f, high = 1.5f; // middle 0.5, half 1
    for (const Stream& stream : test_streams())
        for (const int n : {1, 2, 7, 300})
            for (const double ratio : {1e-6, 0.5, 0.83, 1.0})
                for (const float limit : {1.f, 1.3f, INFINITY}) {
                    CAPTURE(n);
                    CAPTURE(ratio);
                    CAPTURE(limit);
                    const int images = 3;
                    std::vector<float> x = reference::random_stored<float>(size_t(images) * n, 3).stored;
                    for (float& value : x) value *= 2;
                    std::vector<double> expected;
                    for (int i = 0; i < images; ++i) {
                        std::vector<double> sorted;
                        for (int e = 0; e < n; ++e)
                            sorted.push_back(std::abs(double(x[size_t(i * n + e)]) - 0.5));
                        std::sort(sorted.begin(), sorted.end());
                        const double position = ratio * (n - 1);
                        const auto k = size_t(position);
                        const double next = sorted[std::min(k + 1, size_t(n - 1))];
                        const double quantile = sorted[k] + (position - double(k)) * (next - sorted[k]);
                        const double s = std::max(1.0, std::min(quantile, double(limit)));
                        for (int e = 0; e < n; ++e)
                            expected.push_back(std::clamp(double(x[size_t(i * n + e)]) - 0.5, -s, s) / s +
                                               0.5);
                    }
                    DeviceArray<float> y(stream, x);
                    dynamic_threshold(stream, y.data(), images, n, low, high, ratio, limit);
                    const std::vector<float> got = y.host();
                    double worst = 0;
                    for (size_t e = 0; e < got.size(); ++e)
                        worst = std::max(worst, std::abs(got[e] - expected[e]));
                    CHECK(worst < 2e-6);
                }
}

TEST_CASE("learned variance: the prediction's channels, and noise scaled by the others") {
    const int images = 2, points = 3, channels = 2;
    const auto output = reference::random_stored<float>(size_t(images) * points * channels * 2, 5);
    const auto noise = reference::random_stored<float>(size_t(images) * points * channels, 6);
    const std::vector<float> low{-1.f, -2.f}, high{-0.5f, 1.f};
    const std::vector<int32_t> rows{1, 0};
    for (const Stream& stream : test_streams()) {
        DeviceArray<float> both(stream, output.stored), scaled(stream, noise.stored),
            prediction(stream, noise.stored.size());
        DeviceArray<float> low_rows(stream, low), high_rows(stream, high);
        DeviceArray<int32_t> row(stream, rows);
        take_prediction(stream, both.data(), prediction.data(), images, points, channels);
        scale_noise(stream, both.data(), low_rows.data(), high_rows.data(), row.data(), scaled.data(), images,
                    points, channels);
        const std::vector<float> first = prediction.host(), second = scaled.host();
        for (int i = 0; i < images; ++i)
            for (int p = 0; p < points; ++p)
                for (int c = 0; c < channels; ++c) {
                    const size_t e = size_t((i * points + p) * channels + c),
                                 from = size_t((i * points + p) * 2 * channels + c);
                    CHECK(first[e] == output.stored[from]);
                    const double v = output.stored[from + channels], l = low[size_t(rows[size_t(i)])],
                                 h = high[size_t(rows[size_t(i)])];
                    CHECK(second[e] ==
                          doctest::Approx(noise.stored[e] * std::exp((v + 1) / 2 * h + (1 - v) / 2 * l))
                              .epsilon(1e-5));
                }
    }
}

TEST_SUITE_END();
