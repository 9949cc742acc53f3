#include "processes/ddpm.h"
#include "processes/initial_state.h"
#include "processes/predictor_corrector.h"
#include "processes/schedule.h"
#include "processes/score_sde.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr double data_mean = 0.3, data_deviation = 0.4;

/// The exact network for pixels of N(data_mean, data_deviation²), prediction ε.
ClosedForm gaussian_network(const DiagonalProcess& process) {
    return ClosedForm([&process](const Doubles& x, double timestep) {
        const int t = int(timestep) + 1;
        const DiagonalTables& tables = process.model().tables;
        const double a = tables.a(t, 0), s = tables.s(t, 0);
        const double gain = process.model().input_gains.empty() ? 1 : process.model().input_gains[size_t(t)];
        Doubles noise;
        for (const double value : x)
            noise.push_back(s * (value / gain - a * data_mean) /
                            (a * a * data_deviation * data_deviation + s * s));
        return noise;
    });
}

VarianceExploding exploding(ImageSize size, int steps, double most) {
    VarianceExplodingSettings settings;
    settings.steps = steps;
    settings.noise_max = most;
    return VarianceExploding(size, settings, Device::cpu);
}

SampleRequest request_of(const std::string& predictor, const std::string& corrector, int64_t count) {
    SampleRequest request;
    request.count = count;
    request.seed = 6;
    request.solver = "predictor-corrector";
    request.score.predictor = predictor;
    request.score.corrector = corrector;
    return request;
}

} // namespace

TEST_CASE("predictors take the steps of the literal formulas") {
    const ImageSize size{2, 2, 1};
    const Ddpm vp(size, linear_betas(1000, 1e-4, 0.02), Prediction::epsilon, Variance::large, Device::cpu);
    const auto ve = exploding(size, 1000, 50);
    const SubVariancePreserving sub(size, {}, Device::cpu);
    const int t = 420;
    // x_mean = state·x + weight·score, score = −ε/s.
    const auto expect = [&](const DiagonalProcess& process, Predictor predictor, double state, double weight,
                            double noise, double tolerance) {
        const PredictorStep step = predictor_step(process, predictor, "", t - 1, t, 0);
        CHECK(step.state == doctest::Approx(state).epsilon(tolerance));
        CHECK(-step.output * process.model().tables.s(t, 0) == doctest::Approx(weight).epsilon(tolerance));
        CHECK(step.noise == doctest::Approx(noise).epsilon(tolerance));
    };
    const double beta = linear_betas(1000, 1e-4, 0.02)[t];
    expect(vp, Predictor::reverse_diffusion, 2 - std::sqrt(1 - beta), beta, std::sqrt(beta), 1e-10);
    expect(vp, Predictor::ancestral, 1 / std::sqrt(1 - beta), beta / std::sqrt(1 - beta), std::sqrt(beta),
           1e-10);
    const double continuous = (0.1 + 19.9 * t / 1000) / 1000;
    expect(vp, Predictor::euler_maruyama, 1 + continuous / 2, continuous, std::sqrt(continuous), 0.01);
    const double sigma = 0.01 * std::pow(5000, (t - 1) / 999.), below = 0.01 * std::pow(5000, (t - 2) / 999.);
    const double fresh = sigma * sigma - below * below;
    expect(ve, Predictor::reverse_diffusion, 1, fresh, std::sqrt(fresh), 1e-9);
    expect(ve, Predictor::ancestral, 1, fresh, below / sigma * std::sqrt(fresh), 1e-9);
    const double g = sigma * std::sqrt(2 * std::log(5000) / 999);
    expect(ve, Predictor::euler_maruyama, 1, g * g, g, 1e-9);
    const double time = t / 1000., decay = std::exp(-2 * (0.1 * time + 0.5 * 19.9 * time * time));
    expect(sub, Predictor::euler_maruyama, 1 + continuous / 2, continuous * (1 - decay),
           std::sqrt(continuous * (1 - decay)), 1e-9);
    CHECK(predictor_step(vp, Predictor::euler_maruyama, "", 0, 1, 0).noise == 0);
}

TEST_CASE("predictor and corrector: the whole walk, recomputed") {
    const auto process = exploding({2, 3, 2}, 4, 3);
    const DiagonalTables& tables = process.model().tables;
    ClosedForm network(golden_network);
    for (const bool batch_norms : {false, true}) {
        CAPTURE(batch_norms);
        SampleRequest request = request_of("reverse-diffusion", "langevin", 3);
        request.score.batch_norms = batch_norms;
        request.score.corrector_steps = 2;
        request.score.snr = 0.2;
        const Tensor sampled = process.sample(network, request);
        Doubles x = to_doubles(initial_state(process, request));
        RandomState random(request.seed, Device::cpu);
        for (int step = 0; step < 4; ++step) {
            const int t = 4 - step;
            random.set_step(uint32_t(step));
            const double s = tables.s(t, 0), below = t > 1 ? tables.s(t - 1, 0) : 0.0;
            const auto score = [&] {
                Doubles g;
                for (const double value : x)
                    g.push_back(-(0.3 * value * process.model().input_gains[size_t(t)] + 0.001 * (t - 1)) /
                                s);
                return g;
            };
            const auto noise = [&](uint32_t layer) {
                return to_doubles(normal(random, sampled.shape(), Purpose::step_noise, 0, layer));
            };
            for (uint32_t repeat = 1; repeat <= 2; ++repeat) {
                const Doubles g = score(), z = noise(repeat);
                double norms_g[3] = {}, norms_z[3] = {};
                for (size_t e = 0; e < x.size(); ++e) {
                    norms_g[e / 12] += g[e] * g[e];
                    norms_z[e / 12] += z[e] * z[e];
                }
                double mean_g = 0, mean_z = 0;
                for (size_t i = 0; i < 3; ++i) {
                    mean_g += std::sqrt(norms_g[i]) / 3;
                    mean_z += std::sqrt(norms_z[i]) / 3;
                }
                for (size_t e = 0; e < x.size(); ++e) {
                    const double ratio =
                        batch_norms ? mean_z / mean_g : std::sqrt(norms_z[e / 12] / norms_g[e / 12]);
                    const double length = 2 * std::pow(0.2 * ratio, 2);
                    x[e] += length * g[e] + std::sqrt(2 * length) * z[e];
                }
            }
            const Doubles g = score(), z = noise(0);
            const double fresh = s * s - below * below;
            for (size_t e = 0; e < x.size(); ++e)
                x[e] += fresh * g[e] + (t > 1 ? std::sqrt(fresh) * z[e] : 0.0); // at the end the mean
        }
        CHECK(largest_difference(to_doubles(sampled), x) < 1e-4);
        request.count = 1;
        request.image_offset = 2;
        const double apart = largest_difference(to_doubles(process.sample(network, request)),
                                                to_doubles(sampled.images(2, 1)));
        CHECK((apart < 1e-6) == !batch_norms); // an image depends on its batch only where that is asked for
    }
}

TEST_CASE("predictor and corrector sample a known Gaussian") {
    const ImageSize size{16, 16, 1};
    const Ddpm vp(size, linear_betas(100, 1e-3, 0.2), Prediction::epsilon, Variance::small, Device::cpu);
    const auto ve = exploding(size, 100, 10);
    for (const DiagonalProcess* process :
         {static_cast<const DiagonalProcess*>(&vp), static_cast<const DiagonalProcess*>(&ve)})
        for (const auto& [predictor, corrector] :
             std::vector<std::pair<std::string, std::string>>{{"reverse-diffusion", "langevin"},
                                                              {"euler-maruyama", "none"},
                                                              {"ancestral", "langevin"},
                                                              {"none", "langevin"}}) {
            CAPTURE(process->name());
            CAPTURE(predictor);
            CAPTURE(corrector);
            ClosedForm network = gaussian_network(*process);
            SampleRequest request = request_of(predictor, corrector, 32);
            if (predictor == "none") request.score.corrector_steps = 12;
            const Doubles values = to_doubles(process->sample(network, request));
            const auto n = double(values.size());
            double sum = 0, squares = 0;
            for (const double value : values) sum += value;
            for (const double value : values) squares += std::pow(value - sum / n, 2);
            // The chance error of 8192 pixels is 0.005; the rest is the steps' discretisation.
            CHECK(sum / n == doctest::Approx(data_mean).epsilon(0.1));
            CHECK(std::sqrt(squares / n) == doctest::Approx(data_deviation).epsilon(0.1));
        }
}

TEST_CASE("what predictor and corrector do not take is refused, with what would do") {
    const auto process = exploding({2, 2, 1}, 10, 3);
    ClosedForm network(golden_network);
    const auto refusal = [&](const std::function<void(SampleRequest&)>& change) {
        SampleRequest request = request_of("", "", 1);
        change(request);
        return error_of([&] { process.sample(network, request); });
    };
    const auto contains = [](const std::string& text, const char* part) {
        CAPTURE(text);
        return text.find(part) != std::string::npos;
    };
    CHECK(refusal([](auto&) {}) == "no error");
    CHECK(contains(refusal([](auto& r) { r.score.predictor = "heun"; }), "euler-maruyama"));
    CHECK(contains(refusal([](auto& r) { r.score.corrector = "mala"; }), "langevin or none"));
    CHECK(contains(refusal([](auto& r) { r.score.snr = 0; }), "above 0"));
    CHECK(contains(refusal([](auto& r) { r.score.corrector_steps = 0; }), "1 to 1000"));
    CHECK(contains(refusal([](auto& r) {
                       r.score.corrector = "none";
                       r.score.snr = 0.1;
                   }),
                   "belong to corrector langevin"));
    CHECK(contains(refusal([](auto& r) { r.score.predictor = r.score.corrector = "none"; }), "do nothing"));
    CHECK(contains(refusal([](auto& r) { r.eta = 0.1; }), "ddim"));
    CHECK(contains(refusal([](auto& r) { r.variance = "small"; }), "ancestral"));
    CHECK(contains(refusal([](auto& r) { r.clip = true; }), "does not clip"));
    CHECK(contains(refusal([](auto& r) { r.score.rtol = 0.1; }), "belong to solver ode"));
    CHECK(contains(refusal([](auto& r) {
                       r.steps = 4;
                       r.spacing = "leading";
                   }),
                   "choose trailing"));
}

TEST_SUITE_END();
