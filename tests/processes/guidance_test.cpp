#include "processes/classifier_guidance.h"
#include "processes/ddpm.h"
#include "processes/guidance.h"
#include "processes/heat_dissipation.h"
#include "processes/schedule.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

#include <limits>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr int32_t null_class = 10;
const ImageSize size{3, 4, 1};

Ddpm make_ddpm(int steps, Prediction prediction = Prediction::epsilon) {
    return Ddpm(size, linear_betas(steps, 1e-3, 0.1), prediction, Variance::small, Device::cpu);
}

/// What the network says of one value for a class.
double told(double x, double timestep, int32_t label) {
    return (0.3 - 0.02 * label) * x + 0.01 * label + 0.001 * timestep;
}

class Classes final : public ClassDenoiser {
public:
    Tensor predict(const Tensor&, const Tensor&) override { throw Error("expected classes"); }
    Tensor predict_classes(const Tensor& x, const Tensor& timesteps, const Tensor& labels) override {
        calls.push_back(x.shape()[0]);
        Doubles y = to_doubles(x);
        const auto each = size_t(x.count() / x.shape()[0]);
        for (size_t e = 0; e < y.size(); ++e)
            y[e] = told(y[e], double(timesteps.data<float>()[e / each]), labels.data<int32_t>()[e / each]);
        return to_tensor(x.shape(), y);
    }
    std::vector<int64_t> calls; ///< images of each
};

Doubles expected_output(const Tensor& x, double timestep, double scale, const ClassLabels& labels,
                        uint64_t first) {
    Doubles y = to_doubles(x);
    const auto each = size_t(x.count() / x.shape()[0]);
    for (size_t e = 0; e < y.size(); ++e) {
        const double none = told(y[e], timestep, null_class);
        y[e] = none + scale * (told(y[e], timestep, labels.of(first + e / each)) - none);
    }
    return y;
}

Tensor some_images(int64_t count) {
    return normal(RandomState(3, Device::cpu), Shape{count, 3, 4, 1}, Purpose::augmentation);
}

} // namespace

TEST_CASE("guidance: W = 0 is the unconditional network, 1 the conditional one, others on their line") {
    const Ddpm process = make_ddpm(20);
    const ClassLabels labels({4, 1});
    const Tensor x = some_images(3);
    const Tensor times = Tensor::full(Shape{3}, 7.f, Device::cpu);
    for (const double scale : {0.0, 1.0, 0.5, 3.0, 7.5}) {
        CAPTURE(scale);
        Classes network;
        GuidedDenoiser guided(network, labels, null_class, {.scale = scale}, process);
        guided.begin_batch(5, 3);
        CHECK(largest_difference(to_doubles(guided.predict(x, times)),
                                 expected_output(x, 7, scale, labels, 5)) < 1e-5);
        CHECK(network.calls == std::vector<int64_t>{scale == 1.0 ? 3 : 6});
    }
    Classes network; // exactly, not nearly
    const Tensor alone = network.predict_classes(
        x, times, Tensor::from_host(Shape{3}, std::vector<int32_t>(3, null_class), Device::cpu));
    GuidedDenoiser none(network, labels, null_class, {.scale = 0.0}, process);
    CHECK(none.predict(x, times).to_host() == alone.to_host());
}

TEST_CASE("guidance: an interval of levels, inclusive, and outside it the conditional network at its cost") {
    const Ddpm process = make_ddpm(20);
    const ClassLabels labels({2});
    const Tensor x = some_images(2);
    const Guidance guidance{.scale = 4.0, .rescale = 0.0, .low = 0.3, .high = 0.5}; // levels 6 to 10
    for (int level = 1; level <= 20; ++level) {
        CAPTURE(level);
        Classes network;
        GuidedDenoiser guided(network, labels, null_class, guidance, process);
        const bool inside = level >= 6 && level <= 10;
        const Tensor y = guided.predict(x, Tensor::full(Shape{2}, float(level - 1), Device::cpu));
        CHECK(largest_difference(to_doubles(y),
                                 expected_output(x, level - 1, inside ? 4.0 : 1.0, labels, 0)) < 1e-5);
        CHECK(network.calls == std::vector<int64_t>{inside ? 4 : 2});
    }
    Classes network; // some images inside, some not
    GuidedDenoiser guided(network, labels, null_class, guidance, process);
    const Tensor y =
        guided.predict(x, Tensor::from_host(Shape{2}, std::vector<float>{9.f, 10.f}, Device::cpu));
    CHECK(largest_difference(to_doubles(y.images(0, 1)), expected_output(x.images(0, 1), 9, 4, labels, 0)) <
          1e-5);
    CHECK(largest_difference(to_doubles(y.images(1, 1)), expected_output(x.images(1, 1), 10, 1, labels, 0)) <
          1e-5);
}

TEST_CASE("guidance: rescaled outputs have the conditional's deviation") {
    const Ddpm process = make_ddpm(20);
    const Tensor x = some_images(2);
    const Tensor times = Tensor::full(Shape{2}, 3.f, Device::cpu);
    const ClassLabels labels({7});
    const auto deviation = [](const Doubles& y, size_t image) {
        double mean = 0, square = 0;
        for (size_t e = 0; e < 12; ++e) mean += y[12 * image + e] / 12;
        for (size_t e = 0; e < 12; ++e) square += std::pow(y[12 * image + e] - mean, 2) / 12;
        return std::sqrt(square);
    };
    const auto guided = [&](double rescale) {
        Classes network;
        GuidedDenoiser denoiser(network, labels, null_class, {.scale = 5.0, .rescale = rescale}, process);
        return to_doubles(denoiser.predict(x, times));
    };
    const Doubles plain = guided(0), half = guided(0.5), whole = guided(1);
    const Doubles conditional = expected_output(x, 3, 1, labels, 0);
    for (size_t image = 0; image < 2; ++image) {
        CHECK(deviation(plain, image) != doctest::Approx(deviation(conditional, image)).epsilon(0.01));
        CHECK(deviation(whole, image) == doctest::Approx(deviation(conditional, image)).epsilon(1e-4));
    }
    for (size_t e = 0; e < plain.size(); ++e)
        CHECK(half[e] == doctest::Approx(0.5 * (plain[e] + whole[e])).epsilon(1e-4));
}

TEST_CASE("guidance: an image is the same in any batch, with every prediction") {
    for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
        const Ddpm process = make_ddpm(6, prediction);
        const ClassLabels labels({0, 5, 9});
        Classes network;
        GuidedDenoiser guided(network, labels, null_class, {.scale = 2.0, .rescale = 0.3}, process);
        SampleRequest request;
        request.count = 5;
        request.image_offset = 7;
        const Tensor together = process.sample(guided, request);
        request.count = 1;
        for (uint32_t k = 0; k < 5; ++k) {
            request.image_offset = 7 + k;
            CHECK(largest_difference(to_doubles(process.sample(guided, request)),
                                     to_doubles(together.images(k, 1))) < 1e-5);
        }
        // And the class matters.
        GuidedDenoiser other(network, ClassLabels({3}), null_class, {.scale = 2.0}, process);
        CHECK(largest_difference(to_doubles(process.sample(other, request)),
                                 to_doubles(together.images(4, 1))) > 1e-3);
    }
}

namespace {

/// log p(y|x) = −Σ (x − centre)²/2 + …, with a centre for each class.
class Quadratic final : public NoisyClassifier {
public:
    Tensor gradient(const Tensor& x, const Tensor&, const Tensor& labels) override {
        Doubles g = to_doubles(x);
        for (size_t e = 0; e < g.size(); ++e) g[e] = 0.1 * labels.data<int32_t>()[e / 12] - g[e];
        return to_tensor(x.shape(), g);
    }
};

} // namespace

TEST_CASE("classifier guidance: ancestral steps move their mean by scale·variance·gradient") {
    for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v})
        for (const char* variance : {"small", "large"})
            for (const int steps : {8, 4}) {
                CAPTURE(name_of(prediction));
                CAPTURE(variance);
                CAPTURE(steps);
                const Ddpm process = make_ddpm(8, prediction);
                SampleRequest request;
                request.variance = variance;
                request.steps = steps;
                request.clip = false;
                request.solver = "ancestral";
                const std::vector<double> factors = classifier_guidance_factors(process, request, 1.5);
                const std::vector<int> levels = sampling_levels("leading", 8, steps);
                const DiagonalTables& tables = process.model().tables;
                for (size_t i = 0; i + 1 < levels.size(); ++i) {
                    const int t = levels[i], s = levels[i + 1];
                    const double output =
                        step_coefficients(tables, process.step_settings(request), s, t, 0).output;
                    const double step_variance = std::string(variance) == "small"
                                                     ? posterior(tables, s, t, 0).variance
                                                     : transition(tables, s, t, 0).variance;
                    CHECK(output * factors[size_t(t) - 1] == doctest::Approx(1.5 * step_variance));
                }
            }
}

TEST_CASE("classifier guidance: other solvers shift the noise by scale·s·gradient") {
    for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
        const Ddpm process = make_ddpm(8, prediction);
        const DiagonalTables& tables = process.model().tables;
        SampleRequest request;
        request.solver = "ddim";
        const std::vector<double> factors = classifier_guidance_factors(process, request, 2.0);
        for (int t = 1; t <= 8; ++t) { // û_0 = (x − s ε̂)/a moves by +scale·s²/a
            const double clean = clean_coefficients(tables, prediction, t, 0).output * factors[size_t(t) - 1];
            CHECK(clean == doctest::Approx(2.0 * tables.s(t, 0) * tables.s(t, 0) / tables.a(t, 0)));
        }
        ClosedForm network(golden_network);
        Quadratic classifier;
        ClassifierGuidedDenoiser guided(network, classifier, ClassLabels({1, 6}), factors);
        guided.begin_batch(1, 2);
        const Tensor x = some_images(2);
        const Doubles y = to_doubles(guided.predict(x, Tensor::full(Shape{2}, 4.f, Device::cpu)));
        const Doubles values = to_doubles(x), plain = golden_network(values, 4);
        for (size_t e = 0; e < y.size(); ++e) {
            const double gradient = (e < 12 ? 0.6 : 0.1) - values[e];
            CHECK(y[e] == doctest::Approx(plain[e] + factors[4] * gradient).epsilon(1e-4));
        }
        CHECK(error_of([&] { guided.predict(x, Tensor::full(Shape{2}, 4.5f, Device::cpu)); }).find("4.5") !=
              std::string::npos);
    }
}

TEST_CASE("guidance: refusals") {
    const Ddpm process = make_ddpm(8);
    const double infinite = std::numeric_limits<double>::infinity(), nan = std::nan("");
    for (const Guidance& g : {Guidance{.scale = nan}, Guidance{.scale = infinite}, Guidance{.scale = -1},
                              Guidance{.scale = 2, .rescale = 1.5}, Guidance{.scale = 2, .rescale = nan},
                              Guidance{.scale = 2, .rescale = 0, .low = 0.5, .high = 0.5},
                              Guidance{.scale = 2, .rescale = 0, .low = -0.1, .high = 0.5},
                              Guidance{.scale = 2, .rescale = 0, .low = 0, .high = nan}})
        CHECK(error_of([&] { check(g); }).starts_with("guidance "));
    Classes network;
    CHECK_THROWS_AS(GuidedDenoiser(network, {}, null_class, {.scale = 2}, process), Error);
    for (const double scale : {nan, infinite, -1.0})
        CHECK(error_of([&] {
                  classifier_guidance_factors(process, {}, scale);
              }).starts_with("classifier scale"));
    const HeatDissipation heat(size, {.steps = 8, .sigma_max = 4}, Device::cpu);
    CHECK(error_of([&] {
              classifier_guidance_factors(heat, {}, 1);
          }).starts_with("process ihdm: a classifier"));
}

TEST_SUITE_END();
