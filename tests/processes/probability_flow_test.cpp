#include "gaussian_denoiser.h"
#include "processes/blurring_diffusion.h"
#include "processes/ddpm.h"
#include "processes/edm.h"
#include "processes/heat_diffusion_model.h"
#include "processes/initial_state.h"
#include "processes/likelihood.h"
#include "processes/runge_kutta.h"
#include "processes/schedule.h"
#include "processes/score_sde.h"

#include <doctest/doctest.h>

#include <memory>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr ImageSize small{2, 2, 1};

/// One of each kind; 200 levels are as good as 1000 between levels, and quicker.
std::vector<std::unique_ptr<DiagonalProcess>> processes_with_levels_between() {
    std::vector<std::unique_ptr<DiagonalProcess>> all;
    all.push_back(std::make_unique<Ddpm>(small, vp_betas(200, 1e-4, 0.02), Prediction::epsilon,
                                         Variance::small, Device::cpu));
    all.push_back(
        std::make_unique<Ddpm>(small, cosine_betas(200), Prediction::v, Variance::small, Device::cpu));
    SubVariancePreservingSettings sub;
    sub.steps = 200;
    all.push_back(std::make_unique<SubVariancePreserving>(small, sub, Device::cpu));
    VarianceExplodingSettings exploding;
    exploding.steps = 200;
    exploding.prediction = Prediction::x0;
    all.push_back(std::make_unique<VarianceExploding>(small, exploding, Device::cpu));
    all.push_back(std::make_unique<Edm>(small, EdmSettings{.steps = 200}, Device::cpu));
    all.push_back(std::make_unique<BlurringDiffusion>(small, BlurringSettings{.steps = 200, .sigma_max = 1},
                                                      Device::cpu));
    HeatDiffusionSettings heat;
    heat.betas = linear_betas(200, 5e-4, 0.1);
    heat.scheme.k = 0.5 / 200;
    heat.scheme.theta = 0.5;
    heat.scheme.boundary = Boundary::half_sample;
    heat.input = HeatInput::normalised;
    all.push_back(std::make_unique<HeatDiffusionModel>(small, heat, Device::cpu));
    return all;
}

SampleRequest ode_request(int64_t count) {
    SampleRequest request;
    request.count = count;
    request.seed = 3;
    request.solver = "ode";
    request.clip = false;
    request.score.rtol = request.score.atol = 2e-6; // of states; hdm's are blurred, and their errors grow
    return request;
}

} // namespace

TEST_CASE("Runge-Kutta: the step of order 5, and each image for itself") {
    // x' = −x in one step of h ≤ 1 multiplies by the method's polynomial, which differs from e^−h by h⁶/3600.
    const Tensor ones = Tensor::full(Shape{1, 3}, 1.f, Device::cpu);
    const auto decay = [](const OdePoint& point) {
        Doubles rate;
        for (const double x : to_doubles(point.x)) rate.push_back(-x);
        return OdeRate{to_tensor(point.x.shape(), rate), std::vector<double>(point.images.size(), 1.0)};
    };
    double errors[2];
    for (const double h : {1.0, 0.5}) {
        OdeSettings settings{0, h, 1000, 1000, 1};
        const OdeSolution solution = integrate(decay, ones, settings);
        CHECK(solution.evaluations[0] == 8); // one step: seven, and one to choose it
        CHECK(solution.scalars[0] == doctest::Approx(h));
        double power = 1, polynomial = 0, factorial = 1;
        for (int n = 0; n <= 5; ++n) {
            polynomial += power / factorial;
            power *= -h;
            factorial *= n + 1;
        }
        polynomial += power / 600;
        CHECK(to_doubles(solution.x)[2] == doctest::Approx(polynomial).epsilon(3e-7));
        errors[h == 1.0 ? 0 : 1] = std::abs(to_doubles(solution.x)[2] - std::exp(-h));
    }
    CHECK(errors[0] / errors[1] > 50); // 2⁶, and the f32 of the smaller
    CHECK(errors[0] / errors[1] < 80);

    // Images of different speeds, backwards in time: x' = w(x − t)/t. One alone takes the same steps.
    const double speeds[] = {0.2, 30, 3};
    const auto field = [&](const std::vector<int>& which) {
        return [&speeds, which](const OdePoint& point) {
            const Doubles x = to_doubles(point.x);
            Doubles rate;
            for (size_t e = 0; e < x.size(); ++e)
                rate.push_back(
                    speeds[which[size_t(point.images[e])]] * (x[e] - point.times[e]) / point.times[e] + 1);
            return OdeRate{to_tensor(point.x.shape(), rate), {}};
        };
    };
    const OdeSettings settings{2, 1, 1e-5, 1e-5, 0};
    const OdeSolution together = integrate(field({0, 1, 2}), to_tensor(Shape{3, 1}, {3, 3, 3}), settings);
    for (int i = 0; i < 3; ++i) {
        const OdeSolution alone = integrate(field({i}), to_tensor(Shape{1, 1}, {3}), settings);
        CHECK(to_doubles(together.x)[size_t(i)] == to_doubles(alone.x)[0]);
        CHECK(together.evaluations[size_t(i)] == alone.evaluations[0]);
        // (x − t) falls as t^w.
        CHECK(to_doubles(together.x)[size_t(i)] ==
              doctest::Approx(1 + std::pow(0.5, speeds[i])).epsilon(1e-4));
    }
    CHECK(together.evaluations[1] > together.evaluations[0]);

    const auto broken = [](const OdePoint& point) {
        return OdeRate{Tensor::full(point.x.shape(), NAN, Device::cpu), {}};
    };
    CHECK(error_of([&] { integrate(broken, ones, {}); }).find("not finite") != std::string::npos);
}

namespace {
/// By how much more the f32 of a state shows: hdm divides by what the operator has left of a mode.
double rounding(const DiagonalProcess& process) {
    return process.name() == "hdm" ? 5.0 : 1.0;
}
} // namespace

TEST_CASE("the probability flow of Gaussian data is the one known in closed form") {
    for (const auto& process : processes_with_levels_between()) {
        CAPTURE(process->name());
        GaussianDenoiser network(*process);
        const SampleRequest request = ode_request(5);
        const Tensor images = process->sample(network, request);
        // (u_t − a m)/deviation is constant along the flow, in each mode; then û_0.
        const Tensor start = initial_state(*process, request);
        const Doubles first = network.modes(to_doubles(start)),
                      last = to_doubles(network.coefficients(images));
        const double top = process->steps();
        for (size_t e = 0; e < first.size(); ++e) {
            const double shared = (first[e] - network.a(top, e) * network.mean(e)) / network.spread(top, e);
            const double gain = network.a(1, e) * std::pow(network.deviation(e), 2) / network.spread(1, e);
            CHECK(last[e] ==
                  doctest::Approx(network.mean(e) + shared * gain).epsilon(1e-3 * rounding(*process)));
        }
        // Each image has its own steps, and does not depend on its batch.
        const int calls = network.images;
        SampleRequest one = request;
        one.count = 1;
        network.images = 0;
        for (uint32_t k = 0; k < 5; ++k) {
            one.image_offset = k;
            CHECK(largest_difference(to_doubles(process->sample(network, one)),
                                     to_doubles(images.images(k, 1))) < 2e-5);
        }
        CHECK(network.images == calls); // finished images take part in no call
    }
}

TEST_CASE("likelihood of Gaussian data: exact, by probes, and against the data's own density" *
          doctest::test_suite("slow")) {
    const std::vector<Doubles> data{{0.5, -0.2, 0.1, 0.9}, {-0.6, 0.3, 0.2, -0.1}};
    for (const auto& process : processes_with_levels_between()) {
        CAPTURE(process->name());
        GaussianDenoiser network(*process);
        Doubles flat = data[0];
        flat.insert(flat.end(), data[1].begin(), data[1].end());
        const Tensor images = to_tensor(Shape{2, 2, 2, 1}, flat);
        LikelihoodOptions options;
        options.probe = Probe::exact;
        const Likelihood exact = log_likelihood(*process, network, images, options);
        const Doubles modes = to_doubles(network.coefficients(images));
        const double top = process->steps();
        for (size_t i = 0; i < 2; ++i) {
            double flow = 0, truth = 0;
            for (size_t e = 4 * i; e < 4 * i + 4; ++e) {
                const auto log_normal = [](double z, double deviation) {
                    return -0.5 * std::pow(z / deviation, 2) - std::log(deviation) -
                           0.5 * std::log(2 * std::numbers::pi);
                };
                const int p = network.eigenvalue(e);
                const double stretch = network.spread(top, e) / network.spread(1, e);
                const double u = network.a(top, e) * network.mean(e) +
                                 stretch * network.a(1, e) * (modes[e] - network.mean(e));
                flow += log_normal(u, process->model().prior_deviations[size_t(p)]) + std::log(stretch) +
                        std::log(network.a(1, e));
                truth += log_normal(modes[e] - network.mean(e), network.deviation(e));
            }
            const double bit = 4 * std::numbers::ln2;
            CHECK(std::abs(exact.log_density[i] - flow) / bit < 2e-4 * rounding(*process));
            // The process itself errs by the noise of level 1 and the prior; hdm's noise there is not small.
            if (process->name() != "hdm") CHECK(std::abs(exact.log_density[i] - truth) / bit < 0.02);
            CHECK(exact.standard_error[i] == 0);
        }
        options.probes = 64;
        for (const Probe probe : {Probe::rademacher, Probe::gaussian}) {
            options.probe = probe;
            const Likelihood estimate = log_likelihood(*process, network, images, options);
            for (size_t i = 0; i < 2; ++i) {
                CAPTURE(estimate.standard_error[i]);
                CHECK(std::abs(estimate.log_density[i] - exact.log_density[i]) <
                      4 * estimate.standard_error[i] + 1e-3 * rounding(*process));
                if (probe == Probe::rademacher) CHECK(estimate.standard_error[i] < 0.6);
            }
        }
    }
}

TEST_CASE("bits per dimension, dequantisation, refusals of the flow") {
    const Ddpm process(small, vp_betas(200, 1e-4, 0.02), Prediction::epsilon, Variance::small, Device::cpu);
    // A density of (1/2)⁴, uniform on −1..1, knows nothing of 8 bits.
    CHECK(bits_per_dimension(-4 * std::log(2.0), process) == doctest::Approx(8));
    const Tensor bytes = to_tensor(Shape{2, 2, 2, 1}, {0, 255, 7, 128, 1, 2, 3, 4});
    const Doubles places = to_doubles(dequantized(process, bytes, 5, 10));
    for (size_t e = 0; e < 8; ++e) {
        const double byte = (places[e] + 1) * 128;
        CHECK(std::floor(byte) == to_doubles(bytes)[e]);
    }
    CHECK(largest_difference(to_doubles(dequantized(process, bytes.images(1, 1), 5, 11)),
                             Doubles(places.begin() + 4, places.end())) == 0);

    GaussianDenoiser network(process);
    const auto refusal = [&](const std::function<void(SampleRequest&)>& change) {
        SampleRequest request = ode_request(1);
        change(request);
        return error_of([&] { process.sample(network, request); });
    };
    const auto contains = [](const std::string& text, const char* part) {
        CAPTURE(text);
        return text.find(part) != std::string::npos;
    };
    CHECK(contains(refusal([](auto& r) { r.steps = 20; }), "chooses its own steps"));
    CHECK(contains(refusal([](auto& r) { r.eta = 0.5; }), "eta"));
    CHECK(contains(refusal([](auto& r) { r.clip = true; }), "does not clip"));
    CHECK(contains(refusal([](auto& r) { r.score.rtol = 1e-9; }), "1e-6 to 1"));
    CHECK(contains(refusal([](auto& r) { r.score.snr = 0.1; }), "predictor-corrector"));
    CHECK(contains(refusal([](auto& r) {
                       r.solver = "ddim";
                       r.score.atol = 1e-3;
                   }),
                   "ode"));
    CHECK(contains(error_of([&] {
                       LikelihoodOptions options;
                       options.probes = 0;
                       log_likelihood(process, network, bytes, options);
                   }),
                   "1 to 128 probes"));
    CHECK(contains(error_of([&] {
                       log_likelihood(process, network, to_tensor(Shape{1, 4}, {1, 2, 3, 4}), {});
                   }),
                   "expected f32 images"));
}

TEST_SUITE_END();
