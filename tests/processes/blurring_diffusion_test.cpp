#include "processes/blurring_diffusion.h"
#include "processes/factory.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr ImageSize size{5, 3, 2};

/// The paper's a_t and σ_t of one mode at time t, as its appendix writes them.
struct Paper {
    double a, s;
    Paper(int i, int j, double t, double sigma_max, double d_min) {
        const double pi = std::numbers::pi;
        const double b = std::atan(std::exp(-10. / 2)), slope = std::atan(std::exp(10. / 2)) - b;
        const double log_snr = -2 * std::log(std::tan(slope * t + b));
        const double lambda = pi * pi * (i * i / 25. + j * j / 9.);
        const double dissipation = std::pow(sigma_max * std::pow(std::sin(t * pi / 2), 2), 2) / 2;
        const double frequency = (1 - d_min) * std::exp(-lambda * dissipation) + d_min;
        a = std::sqrt(1 / (1 + std::exp(-log_snr))) * frequency;
        s = std::sqrt(1 / (1 + std::exp(log_snr)));
    }
};

} // namespace

TEST_CASE("blurring diffusion's tables and steps are the paper's formulas") {
    constexpr int steps = 12;
    const BlurringDiffusion process(size, {steps, 4.0, 0.01, Prediction::epsilon, Variance::small},
                                    Device::cpu);
    const DiagonalTables& tables = process.model().tables;
    REQUIRE(tables.width() == 15);
    CHECK(process.model().basis == Basis::dct2);
    for (int p = 0; p < 15; ++p) {
        CHECK(tables.a(0, p) == 1.0); // level 0 is data
        CHECK(tables.s(0, p) == 0.0);
        for (int t = 1; t <= steps; ++t) {
            const Paper at(p / 3, p % 3, double(t) / steps, 4.0, 0.01);
            CHECK(tables.a(t, p) == doctest::Approx(at.a).epsilon(1e-10));
            CHECK(tables.s(t, p) == doctest::Approx(at.s).epsilon(1e-10));
            for (int s = 1; s < t; ++s) {
                // The paper's denoise: the posterior from precisions, with its û_0 = (u_t − σ_t ε̂)/a_t.
                const Paper to(p / 3, p % 3, double(s) / steps, 4.0, 0.01);
                const double a_ts = at.a / to.a, variance_ts = at.s * at.s - a_ts * a_ts * to.s * to.s;
                const double variance = 1 / (1 / (to.s * to.s) + a_ts * a_ts / variance_ts);
                const double state = variance * a_ts / variance_ts, clean = variance * to.a / (to.s * to.s);
                const StepCoefficients step = step_coefficients(
                    tables, {DiagonalSolver::ancestral, Prediction::epsilon, Variance::small, 0, false}, s, t,
                    p);
                CHECK(step.noise == doctest::Approx(std::sqrt(variance)).epsilon(1e-8));
                CHECK(step.state == doctest::Approx(state + clean / at.a).epsilon(1e-8));
                CHECK(step.output == doctest::Approx(-clean * at.s / at.a).epsilon(1e-8));
            }
        }
    }
}

TEST_CASE("blurring diffusion's skips are exact") {
    constexpr int steps = 9;
    const BlurringDiffusion process(size, {steps, 3.0, 0.01, Prediction::epsilon, Variance::small},
                                    Device::cpu);
    const DiagonalTables& tables = process.model().tables;
    for (int p = 0; p < tables.width(); ++p)
        for (int t = 2; t <= steps; ++t)
            for (int m = 1; m < t; ++m)
                for (int s = 0; s < m; ++s) {
                    // Stepping t → m → s, given u_0, has the law of stepping t → s.
                    const Posterior first = posterior(tables, m, t, p), second = posterior(tables, s, m, p),
                                    skip = posterior(tables, s, t, p);
                    CHECK(second.state * first.state == doctest::Approx(skip.state).epsilon(1e-9));
                    CHECK(second.state * first.clean + second.clean ==
                          doctest::Approx(skip.clean).epsilon(1e-9));
                    CHECK(second.state * second.state * first.variance + second.variance ==
                          doctest::Approx(skip.variance).epsilon(1e-9));
                }

    // With the noise known, DDIM comes back to the image in any number of steps.
    const Shape shape{1, 5, 3, 2};
    const Doubles image = to_doubles(normal(RandomState(3, Device::cpu), shape, Purpose::augmentation));
    const Doubles modes = dct2(image, shape, false);
    for (const int count : {1, 4, 9})
        for (const char* spacing : {"trailing", "linspace", "leading"}) {
            ClosedForm network([&](const Doubles& x, double timestep) {
                Doubles noise = dct2(x, shape, false);
                for (size_t e = 0; e < noise.size(); ++e) {
                    const int p = int(e / 2), t = int(timestep) + 1;
                    noise[e] = (noise[e] - tables.a(t, p) * modes[e]) / tables.s(t, p);
                }
                return dct2(noise, shape, true);
            });
            SampleRequest request;
            request.solver = "ddim";
            request.steps = count;
            request.spacing = spacing;
            request.clip = false;
            CHECK(largest_difference(to_doubles(process.sample(network, request)), image) < 2e-2);
        }
}

TEST_CASE("blurring diffusion's training batch recomputed by hand") {
    constexpr int steps = 7;
    const auto process =
        make_process({.kind = "blurring", .steps = steps, .sigma_max = 3, .d_min = 0.02}, size, Device::cpu);
    CHECK(process->name() == "blurring");
    CHECK(process->data_low() == -1.f);
    CHECK(process->timestep_of_level(4) == 3.f);
    RandomState random(5, Device::cpu);
    const Shape shape{20, 5, 3, 2};
    const Tensor images = normal(random, shape, Purpose::augmentation);
    const TrainingBatch batch = process->training_batch(images, random, 8);
    const std::vector<int32_t> levels = to_integers(batch.levels);
    Doubles expected = dct2(to_doubles(images), shape, false);
    const Doubles noise = to_doubles(normal(random, shape, Purpose::training_noise, 8));
    for (size_t e = 0; e < expected.size(); ++e) {
        const int p = int(e / 2 % 15);
        const Paper at(p / 3, p % 3, double(levels[e / 30]) / steps, 3, 0.02);
        expected[e] = at.a * expected[e] + at.s * noise[e];
    }
    CHECK(largest_difference(to_doubles(batch.input), dct2(expected, shape, true)) < 1e-5);
    CHECK(largest_difference(to_doubles(batch.target), dct2(noise, shape, true)) < 1e-5);
    CHECK(batch.loss == LossKind::squared);
    CHECK(batch.scale == doctest::Approx(1.0 / 600));
}

TEST_CASE("blurring diffusion reports itself and refuses what does not fit") {
    const auto process = make_process({.kind = "blurring", .sigma_max = 20}, {28, 28, 1}, Device::cpu);
    std::map<std::string, double> report;
    for (const ReportEntry& entry : process->report()) report[entry.name] = entry.value;
    CHECK(report.at("levels") == 1000);
    CHECK(report.at("log10_condition") == doctest::Approx(3)); // 1/d_min
    CHECK(report.at("blur_sigma_last_pixels") == 20);
    CHECK(report.at("terminal_kl_nats_per_dimension") < 1e-6);
    CHECK(report.at("step_flops_per_image") > 0);
    const std::vector<TableColumn> columns = process->tables();
    CHECK(columns[0].values[500] == doctest::Approx(10)); // sin²(π/4) = ½
    CHECK(columns[1].values[500] == doctest::Approx(std::sqrt(0.5)));
    CHECK(columns[3].values[1000] == doctest::Approx(0.001));

    const auto says = [](const ProcessConfig& config, const char* part) {
        const std::string message = error_of([&] { (void)make_process(config, size, Device::cpu); });
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    says({.kind = "blurring", .boundary = "adiabatic"}, "takes boundary half-sample");
    says({.kind = "blurring", .boundary = "fixed"}, "takes boundary half-sample");
    says({.kind = "blurring", .boundary = "half-sample"}, "no error");
    says({.kind = "blurring", .d_min = 0}, "0 < d_min <= 1");
    says({.kind = "blurring", .sigma_max = 0}, "sigma_max above 0");
}

TEST_SUITE_END();
