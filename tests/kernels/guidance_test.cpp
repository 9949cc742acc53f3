#include "kernels/cross_entropy.h"
#include "kernels/guidance.h"
#include "kernels/labels.h"
#include "kernels/spatial_mean.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

TEST_SUITE_BEGIN("kernels");

TEST_CASE("guidance: the combination, its interval and its rescaling, image by image") {
    const int images = 3, elements = 37;
    const auto c = reference::random_stored<float>(images * elements, 1);
    const auto u = reference::random_stored<float>(images * elements, 2);
    const std::vector<float> timesteps{4.f, 9.f, 10.f}; // the last one outside
    const auto deviation = [&](const std::vector<double>& x) {
        double mean = 0, square = 0;
        for (const double v : x) mean += v / elements;
        for (const double v : x) square += (v - mean) * (v - mean);
        return std::sqrt(square / elements);
    };
    for (const Stream& stream : test_streams())
        for (const float rescale : {0.f, 0.7f, 1.f}) {
            CAPTURE(stream.on_cuda);
            CAPTURE(rescale);
            std::vector<double> expected;
            for (int i = 0; i < images; ++i) {
                const double w = i == 2 ? 1 : 2.5;
                std::vector<double> conditional, g;
                for (int e = 0; e < elements; ++e) {
                    const double ce = c.stored[size_t(i * elements + e)],
                                 ue = u.stored[size_t(i * elements + e)];
                    conditional.push_back(ce);
                    g.push_back(ue + w * (ce - ue));
                }
                const double factor = rescale * deviation(conditional) / deviation(g) + 1 - double(rescale);
                for (const double v : g) expected.push_back(factor * v);
            }
            DeviceArray<float> conditional(stream, c.stored), unconditional(stream, u.stored),
                times(stream, timesteps), y(stream, size_t(images) * elements);
            guided_output(stream, conditional.data(), unconditional.data(), times.data(), y.data(), images,
                          elements, {2.5f, rescale, 4.f, 9.f});
            CHECK(reference::nmse(reference::widened(y.host()), expected) <= 1e-12);
            const std::vector<float> result = y.host();
            for (int e = 2 * elements; e < 3 * elements; ++e) CHECK(result[size_t(e)] == c.stored[size_t(e)]);
        }
}

TEST_CASE("labels: dropped at their rate, each by its own number") {
    const int count = 20000;
    std::vector<int32_t> labels;
    for (int i = 0; i < count; ++i) labels.push_back(i % 10);
    const std::vector<uint32_t> state{7, 0, 3}, later{7, 0, 4};
    for (const Stream& stream : test_streams()) {
        DeviceArray<int32_t> source(stream, labels), kept(stream, labels.size()), part(stream, size_t(100));
        DeviceArray<uint32_t> words(stream, state), other(stream, later);
        drop_labels(stream, source.data(), kept.data(), count, 0.1f, 10, words.data(), 0);
        const std::vector<int32_t> first = kept.host();
        int dropped = 0;
        for (int i = 0; i < count; ++i) {
            CHECK((first[size_t(i)] == 10 || first[size_t(i)] == i % 10));
            dropped += first[size_t(i)] == 10;
        }
        CHECK(std::abs(dropped - 2000) < 5 * std::sqrt(1800.0)); // five deviations of the binomial
        drop_labels(stream, source.data() + 500, part.data(), 100, 0.1f, 10, words.data(), 500);
        CHECK(part.host() == std::vector<int32_t>(first.begin() + 500, first.begin() + 600));
        drop_labels(stream, source.data(), kept.data(), count, 0.1f, 10, other.data(), 0);
        CHECK(kept.host() != first);
        drop_labels(stream, source.data(), kept.data(), count, 0.f, 10, words.data(), 0);
        CHECK(kept.host() == labels);
        drop_labels(stream, source.data(), kept.data(), count, 1.f, 10, words.data(), 0);
        CHECK(kept.host() == std::vector<int32_t>(size_t(count), 10));
    }
}

TEST_CASE("cross entropy and spatial mean: large logits, every thread's share") {
    for (const Stream& stream : test_streams()) {
        DeviceArray<float> logits(stream, {1000.f, 0.f, -1000.f, 3.f, 3.f, 3.f}),
            per_image(stream, size_t(2)), loss(stream, size_t(1)), upstream(stream, {2.f}),
            d(stream, size_t(6));
        DeviceArray<int32_t> labels(stream, {1, 2});
        cross_entropy_forward(stream, logits.data(), labels.data(), per_image.data(), loss.data(), 2, 3,
                              0.5f);
        CHECK(per_image.host()[0] == doctest::Approx(1000.0));
        CHECK(per_image.host()[1] == doctest::Approx(std::log(3.0)));
        CHECK(loss.host()[0] == doctest::Approx(0.5 * (1000.0 + std::log(3.0))));
        cross_entropy_backward(stream, logits.data(), labels.data(), upstream.data(), d.data(), 2, 3, 0.5f);
        const std::vector<double> expected{1, -1, 0, 1 / 3., 1 / 3., -2 / 3.};
        CHECK(reference::nmse(reference::widened(d.host()), expected) <= 1e-12);
        const auto x = reference::random_stored<float>(2 * 49 * 5, 3);
        std::vector<double> mean(10, 0.);
        for (int i = 0; i < 98; ++i)
            for (int c = 0; c < 5; ++c) mean[size_t(i / 49 * 5 + c)] += x.stored[size_t(i * 5 + c)] / 49.;
        DeviceArray<float> in(stream, x.stored), out(stream, size_t(10)), back(stream, x.stored.size());
        spatial_mean_forward(stream, in.data(), out.data(), 2, 49, 5);
        CHECK(reference::nmse(reference::widened(out.host()), mean) <= 1e-12);
        spatial_mean_backward(stream, out.data(), back.data(), 2, 49, 5);
        for (int i = 0; i < 98; ++i)
            for (int c = 0; c < 5; ++c)
                CHECK(back.host()[size_t(i * 5 + c)] ==
                      doctest::Approx(out.host()[size_t(i / 49 * 5 + c)] / 49));
    }
}

TEST_SUITE_END();
