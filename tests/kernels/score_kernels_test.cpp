#include "kernels/image_dots.h"
#include "kernels/langevin.h"
#include "kernels/levels.h"
#include "kernels/runge_kutta.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace heat;
using namespace heat::kernels;

TEST_SUITE_BEGIN("kernels");

namespace {
constexpr int images = 3;
constexpr int sizes[] = {1, 7, 300, 1009};
} // namespace

TEST_CASE("image dots and a Langevin step, each image's norms or the batch's") {
    for (const Stream& stream : test_streams())
        for (const int elements : sizes) {
            CAPTURE(stream.on_cuda);
            CAPTURE(elements);
            const auto n = size_t(images * elements);
            const auto x = reference::random_stored<float>(n, 1),
                       g = reference::random_stored<float>(n, 2, 0., 5.),
                       z = reference::random_stored<float>(n, 3);
            double squares[2][images] = {}, norms[2] = {};
            for (size_t e = 0; e < n; ++e) {
                squares[0][e / size_t(elements)] += g.exact[e] * g.exact[e];
                squares[1][e / size_t(elements)] += z.exact[e] * z.exact[e];
            }
            for (int k = 0; k < 2; ++k)
                for (const double value : squares[k]) norms[k] += std::sqrt(value) / images;
            DeviceArray<float> score(stream, g.stored), noise(stream, z.stored), gg(stream, images),
                zz(stream, images), gz(stream, images);
            image_dots(stream, score.data(), score.data(), gg.data(), images, elements);
            image_dots(stream, noise.data(), noise.data(), zz.data(), images, elements);
            for (size_t i = 0; i < images; ++i) {
                CHECK(double(gg.host()[i]) == doctest::Approx(squares[0][i]).epsilon(1e-5));
                CHECK(double(zz.host()[i]) == doctest::Approx(squares[1][i]).epsilon(1e-5));
            }
            for (const bool batch_norms : {false, true}) {
                DeviceArray<float> state(stream, x.stored);
                langevin_step(stream, state.data(), score.data(), noise.data(), gg.data(), zz.data(), 0.9f,
                              0.2f, 0.5f, batch_norms, images, elements);
                std::vector<double> expected;
                for (size_t e = 0; e < n; ++e) {
                    const size_t i = e / size_t(elements);
                    const double ratio =
                        batch_norms ? norms[1] / norms[0] : std::sqrt(squares[1][i] / squares[0][i]);
                    const double step = 2 * 0.9 * std::pow(0.2 * ratio, 2);
                    expected.push_back(x.exact[e] + step * g.exact[e] +
                                       0.5 * std::sqrt(2 * step) * z.exact[e]);
                }
                CHECK(reference::nmse(reference::widened(state.host()), expected) <= 1e-10);
            }
        }
}

TEST_CASE("a Runge-Kutta stage and its scaled error, each image with its own step") {
    for (const Stream& stream : test_streams())
        for (const int elements : sizes) {
            CAPTURE(stream.on_cuda);
            CAPTURE(elements);
            const auto n = size_t(images * elements);
            const auto x = reference::random_stored<float>(n, 1), k = reference::random_stored<float>(n, 2),
                       l = reference::random_stored<float>(n, 3);
            const std::vector<float> lengths{0.5f, -0.25f, 2.f};
            DeviceArray<float> state(stream, x.stored), first(stream, k.stored), last(stream, l.stored),
                steps(stream, lengths), y(stream, n), sums(stream, images);
            RateSum sum;
            sum.rates[0] = first.data();
            sum.rates[6] = last.data();
            sum.coefficients[0] = 0.75f;
            sum.coefficients[6] = -1.5f;
            runge_kutta_stage(stream, state.data(), steps.data(), sum, y.data(), images, elements);
            scaled_square_sums(stream, state.data(), y.data(), steps.data(), sum, 0.25f, 0.125f, sums.data(),
                               images, elements);
            std::vector<double> expected, squares(images, 0.0);
            for (size_t e = 0; e < n; ++e) {
                const size_t i = e / size_t(elements);
                const double change = double(lengths[i]) * (0.75 * k.exact[e] - 1.5 * l.exact[e]);
                expected.push_back(x.exact[e] + change);
                squares[i] += std::pow(
                    change / (0.25 + 0.125 * std::max(std::abs(x.exact[e]), std::abs(expected[e]))), 2);
            }
            CHECK(reference::nmse(reference::widened(y.host()), expected) <= 1e-10);
            CHECK(reference::nmse(reference::widened(sums.host()), squares) <= 1e-10);
        }
}

TEST_CASE("levels drawn by weight follow their shares, and are a function of seed, step and image") {
    const std::vector<uint32_t> cumulative{429496730u, 429496730u, 3006477107u, 0u}; // .1, .1, .7 of 2³²
    const std::vector<float> timestep_of{-1.f, 5.f, 6.f, 7.f, 8.5f};
    constexpr int count = 40000;
    for (const Stream& stream : test_streams()) {
        DeviceArray<uint32_t> shares(stream, cumulative);
        DeviceArray<float> times(stream, timestep_of), timesteps(stream, count);
        DeviceArray<int32_t> levels(stream, count), one(stream, 1);
        DeviceArray<uint32_t> state(stream, std::vector<uint32_t>{11, 22, 33});
        draw_levels(stream, levels.data(), timesteps.data(), count, 4, shares.data(), times.data(), 0.f,
                    state.data(), 5u << 16, 100);
        std::vector<double> histogram(5, 0.0);
        bool consistent = true;
        const std::vector<int32_t> drawn = levels.host();
        const std::vector<float> seen = timesteps.host();
        for (size_t i = 0; i < count; ++i) {
            histogram.at(size_t(drawn[i])) += 1.0 / count;
            consistent = consistent && seen[i] == timestep_of[size_t(drawn[i])];
        }
        CHECK(consistent);
        const double expected[] = {0, 0.1, 0, 0.6, 0.3};
        for (size_t level = 0; level < 5; ++level)
            CHECK(std::abs(histogram[level] - expected[level]) <= 5 * std::sqrt(expected[level] / count));
        draw_levels(stream, one.data(), timesteps.data(), 1, 4, shares.data(), times.data(), 0.f,
                    state.data(), 5u << 16, 100 + 777);
        CHECK(one.host()[0] == drawn[777]);
    }
}

TEST_SUITE_END();
