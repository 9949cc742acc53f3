#include "processes/continuous_tables.h"
#include "processes/ddpm.h"
#include "processes/edm.h"
#include "processes/factory.h"
#include "processes/schedule.h"
#include "processes/score_sde.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

/// Column `name` of a process's tables.
Doubles column(const Process& process, const std::string& name) {
    for (const TableColumn& c : process.tables())
        if (c.name == name) return c.values;
    FAIL("no column " << name);
    return {};
}

double integrated_beta(double t) {
    return 0.1 * t + 0.5 * t * t * 19.9;
}

std::unique_ptr<Process> of_kind(const std::string& kind, int steps = 1000) {
    ProcessConfig config;
    config.kind = kind;
    config.steps = steps;
    return make_process(config, {4, 4, 1}, Device::cpu);
}

} // namespace

TEST_CASE("score SDEs: tables are the literal formulas, between levels too") {
    const auto ve = of_kind("ve"), sub = of_kind("sub-vp");
    const auto& ve_process = dynamic_cast<const DiagonalProcess&>(*ve);
    const auto& sub_process = dynamic_cast<const DiagonalProcess&>(*sub);
    const DiagonalTables &ve_tables = ve_process.model().tables, &sub_tables = sub_process.model().tables;
    CHECK(ve->data_low() == 0.f);
    CHECK(sub->data_low() == -1.f);
    CHECK(ve_process.model().prior_deviations == Doubles{50});
    for (const int n : {1, 2, 137, 1000}) {
        CAPTURE(n);
        const double time = (n - 1) / 999.0, t = n / 1000.0;
        CHECK(ve_tables.a(n, 0) == 1);
        CHECK(ve_tables.s(n, 0) == doctest::Approx(0.01 * std::pow(5000, time)).epsilon(1e-12));
        CHECK(column(*ve, "sigma")[size_t(n)] == ve_tables.s(n, 0));
        CHECK(sub_tables.a(n, 0) == doctest::Approx(std::exp(-0.5 * integrated_beta(t))).epsilon(1e-12));
        CHECK(sub_tables.s(n, 0) == doctest::Approx(1 - std::exp(-integrated_beta(t))).epsilon(1e-12));
        CHECK(ve->timestep_of_level(n) == float(n - 1));
    }

    // The SDE's own coefficients: drift and diffusion by finite differences of the literal formulas.
    const Ddpm vp({4, 4, 1}, vp_betas(1000, 1e-4, 0.02), Prediction::epsilon, Variance::small, Device::cpu);
    for (const double level : {1.0, 1.4, 250.25, 999.5}) {
        CAPTURE(level);
        const double t = level / 1000, beta = 0.1 + 19.9 * t, decay = std::exp(-2 * integrated_beta(t));
        const auto g_squared = [](const ContinuousLevel& at) {
            return 2 * std::exp(2 * at.log_s) * (at.log_s_slope - at.log_a_slope);
        };
        const ContinuousLevel at_sub = ContinuousTables(sub_process).at(level, 0);
        CHECK(at_sub.log_s == doctest::Approx(std::log(1 - std::exp(-integrated_beta(t)))));
        CHECK(at_sub.log_a_slope == doctest::Approx(-0.5 * beta / 1000));
        CHECK(g_squared(at_sub) == doctest::Approx(beta * (1 - decay) / 1000));
        const ContinuousLevel at_vp = ContinuousTables(vp).at(level, 0);
        CHECK(at_vp.log_a == doctest::Approx(-0.5 * integrated_beta(t)));
        CHECK(at_vp.log_a_slope == doctest::Approx(-0.5 * beta / 1000).epsilon(1e-6));
        CHECK(g_squared(at_vp) == doctest::Approx(beta / 1000).epsilon(1e-6));
        const ContinuousLevel at_ve = ContinuousTables(ve_process).at(level, 0);
        const double sigma = 0.01 * std::pow(5000, (level - 1) / 999);
        CHECK(std::exp(at_ve.log_s) == doctest::Approx(sigma));
        CHECK(g_squared(at_ve) == doctest::Approx(sigma * sigma * 2 * std::log(5000) / 999));
        CHECK(ContinuousTables(ve_process).timestep(level) == doctest::Approx(level - 1));
        CHECK(ContinuousTables(ve_process).input_gain(level, 0) ==
              doctest::Approx(1 / std::sqrt(1 + sigma * sigma)).epsilon(1e-6));
    }
    // DDPM's linear betas are the first order of the SDE's.
    CHECK(vp_betas(1000, 1e-4, 0.02)[500] ==
          doctest::Approx(linear_betas(1000, 1e-4, 0.02)[500]).epsilon(0.01));

    ProcessConfig config;
    config.kind = "ve";
    config.input = "v";
    CHECK(error_of([&] {
              make_process(config, {4, 4, 1}, Device::cpu);
          }).find("u or normalised") != std::string::npos);
    config.input = "";
    config.noise_max = 0.001;
    CHECK(error_of([&] {
              make_process(config, {4, 4, 1}, Device::cpu);
          }).find("noise_min < noise_max") != std::string::npos);
}

TEST_CASE("edm: preconditioning, levels and training noise are the paper's") {
    const auto edm = of_kind("edm");
    const auto& process = dynamic_cast<const DiagonalProcess&>(*edm);
    const double data = 0.5;
    const Doubles sigma = column(*edm, "sigma"), skip = column(*edm, "c_skip"), out = column(*edm, "c_out"),
                  in = column(*edm, "c_in"), noise = column(*edm, "c_noise");
    CHECK(sigma[1] == doctest::Approx(0.002));
    CHECK(sigma[1000] == doctest::Approx(80));
    CHECK(process.data_high() == 2.f); // −1..1 in units of σ_data
    const float first = edm->timestep_of_level(1), last = edm->timestep_of_level(1000);
    CHECK(first == 0.f);
    CHECK(last == doctest::Approx(999));
    for (const int n : {1, 300, 777, 1000}) {
        CAPTURE(n);
        const double root =
            std::pow(0.002, 1 / 7.) + (n - 1) / 999. * (std::pow(80, 1 / 7.) - std::pow(0.002, 1 / 7.));
        CHECK(sigma[size_t(n)] == doctest::Approx(std::pow(root, 7)));
        // D(x) = c_skip x + c_out F(c_in x), F = −v: what the engine makes of state and output, in its units.
        const CleanCoefficients clean = clean_coefficients(process.model().tables, Prediction::v, n, 0);
        CHECK(clean.state == doctest::Approx(skip[size_t(n)]));
        CHECK(-clean.output * data == doctest::Approx(out[size_t(n)]));
        CHECK(process.model().input_gains[size_t(n)] == doctest::Approx(in[size_t(n)] * data));
        // The timestep is c_noise, shifted and stretched.
        CHECK(edm->timestep_of_level(n) ==
              doctest::Approx((noise[size_t(n)] - noise[1]) * (last - first) / (noise[1000] - noise[1])));
    }
    CHECK(ContinuousTables(process).timestep(500.5) ==
          doctest::Approx(999 *
                          (ContinuousTables(process).at(500.5, 0).log_s + std::log(0.5) - std::log(0.002)) /
                          std::log(40000.)));

    // Training: log σ is normal; and the batch is the paper's target F = (y − c_skip x)/c_out, negated.
    const int count = 4000;
    const RandomState random(9, Device::cpu);
    std::vector<float> values(size_t(count) * 16);
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(i % 7) / 4 - 0.75f;
    const Tensor images = Tensor::from_host(Shape{count, 4, 4, 1}, values, Device::cpu);
    const TrainingBatch batch = edm->training_batch(images, random, 100);
    const std::vector<int32_t> levels = to_integers(batch.levels);
    const Doubles timesteps = to_doubles(batch.timesteps), input = to_doubles(batch.input),
                  target = to_doubles(batch.target);
    const Doubles z = to_doubles(normal(random, images.shape(), Purpose::training_noise, 100));
    double mean = 0, squares = 0, worst = 0;
    for (size_t i = 0; i < levels.size(); ++i) {
        const auto n = size_t(levels[i]);
        mean += std::log(sigma[n]) / count;
        squares += std::pow(std::log(sigma[n]) + 1.2, 2) / count;
        worst = std::max(worst, std::abs(timesteps[i] - double(edm->timestep_of_level(int(n)))));
        for (size_t e = 16 * i; e < 16 * i + 16; ++e) {
            const double y = double(values[e]) * data, x = y + sigma[n] * z[e]; // the paper's units
            worst = std::max(worst, std::abs(input[e] - in[n] * x));
            worst = std::max(worst, std::abs(-target[e] - (y - skip[n] * x) / out[n]) *
                                        std::min(1.0, out[n] / data));
        }
    }
    CHECK(worst < 2e-4);
    CHECK(std::abs(mean + 1.2) < 5 * 1.2 / std::sqrt(count));
    CHECK(std::abs(squares - 1.44) < 5 * 1.44 * std::sqrt(2. / count));
    // Image 142 is the same alone.
    CHECK(to_integers(edm->training_batch(images.images(42, 1), random, 142).levels)[0] == levels[42]);

    // Sampling begins where the prior is, on Karras' levels.
    const auto message = [&](const std::string& spacing) {
        SampleRequest request;
        request.steps = 18;
        request.spacing = spacing;
        return error_of([&] { edm->check(request); });
    };
    CHECK(message("") == "no error");
    CHECK(message("leading").find("choose trailing") != std::string::npos);
    SampleRequest request;
    request.steps = 18;
    std::vector<int> visited;
    ClosedForm network([](const Doubles& x, double) { return Doubles(x.size(), 0.0); });
    edm->sample(network, request, [&](const SampleStep& step) { visited.push_back(step.level); });
    REQUIRE(visited.size() == 19);
    for (size_t i = 0; i < 18; ++i) {
        const double root =
            std::pow(80, 1 / 7.) + double(i) / 17 * (std::pow(0.002, 1 / 7.) - std::pow(80, 1 / 7.));
        CHECK(sigma[size_t(visited[i])] == doctest::Approx(std::pow(root, 7)).epsilon(0.015));
    }
}

TEST_SUITE_END();
