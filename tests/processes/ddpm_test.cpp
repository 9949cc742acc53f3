#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/schedule.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Ddpm make_ddpm(ImageSize size, int steps, Prediction prediction = Prediction::epsilon) {
    return Ddpm(size, linear_betas(steps, 1e-3, 0.1), prediction, Variance::small, Device::cpu);
}

/// A process that both blurs and adds noise, variance preserving per DCT mode: the solver and the training
/// step know nothing of DDPM.
class NoisyBlur : public DiagonalProcess {
public:
    NoisyBlur(ImageSize size, int steps, Prediction prediction)
        : DiagonalProcess(size, blur_model(size, steps, prediction), Device::cpu) {}
    std::string name() const override { return "noisy_blur"; }
    std::vector<TableColumn> tables() const override { return {}; }

private:
    static DiagonalModel blur_model(ImageSize size, int steps, Prediction prediction) {
        const Doubles mu = eigenvalues(Basis::dct2, size.height, size.width);
        Doubles log_a, log_s, prior;
        for (int t = 0; t <= steps; ++t)
            for (const double value : mu) {
                const double log_alpha_bar = -(0.3 + 0.4 * value) * t;
                log_a.push_back(log_alpha_bar / 2);
                log_s.push_back(0.5 * std::log(-std::expm1(log_alpha_bar)));
                if (t == 0) prior.push_back(0.9 + 0.01 * value);
            }
        return {Basis::dct2,
                DiagonalTables(steps, int(mu.size()), log_a, log_s),
                prior,
                prediction,
                Variance::small,
                -1.f,
                1.f};
    }
};

/// The solver's loop in double precision, by per-mode arithmetic and the definition of the DCT.
Doubles reference_sample(const DiagonalProcess& process, const SampleRequest& request,
                         const StepSettings& settings) {
    const ImageSize size = process.size();
    const Shape shape{request.count, size.height, size.width, size.channels};
    const DiagonalModel& model = process.model();
    const auto change = [&](const Doubles& x, bool inverse) {
        return model.basis == Basis::pixel ? x : dct2(x, shape, inverse);
    };
    const auto mode = [&](size_t e) {
        return model.tables.width() == 1 ? 0 : int(int64_t(e) / size.channels % size.points());
    };
    RandomState random(request.seed, Device::cpu);
    Doubles state = to_doubles(normal(random, shape, Purpose::prior, request.image_offset));
    for (size_t e = 0; e < state.size(); ++e) state[e] *= model.prior_deviations[size_t(mode(e))];
    const std::vector<int> levels = sampling_levels("leading", process.steps(), request.steps);
    for (size_t i = 0; i + 1 < levels.size(); ++i) {
        const int t = levels[i], s = levels[i + 1];
        const Doubles output = change(golden_network(change(state, true), t - 1), false);
        Doubles clean(state.size());
        for (size_t e = 0; e < state.size(); ++e) {
            const CleanCoefficients c = clean_coefficients(model.tables, settings.prediction, t, mode(e));
            clean[e] = c.state * state[e] + c.output * output[e];
        }
        clean = change(clean, true);
        for (double& value : clean) value = std::clamp(value, -1.0, 1.0);
        clean = change(clean, false);
        random.set_step(uint32_t(i));
        const Doubles noise = to_doubles(normal(random, shape, Purpose::step_noise, request.image_offset));
        for (size_t e = 0; e < state.size(); ++e) {
            const StepCoefficients c = step_coefficients(model.tables, settings, s, t, mode(e));
            state[e] = c.state * state[e] + c.output * output[e] + c.clean * clean[e] + c.noise * noise[e];
        }
    }
    return change(state, true);
}

} // namespace

TEST_CASE("the solver's loop is its coefficients, in every basis and combination") {
    const ImageSize size{3, 5, 2};
    for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
        const Ddpm ddpm = make_ddpm(size, 6, prediction);
        const NoisyBlur noisy_blur(size, 6, prediction);
        for (const DiagonalProcess* process :
             {static_cast<const DiagonalProcess*>(&ddpm), static_cast<const DiagonalProcess*>(&noisy_blur)})
            for (const int steps : {6, 3})
                for (const bool clip : {false, true})
                    for (const char* choice : {"small", "large", "eta 0", "eta 0.5"}) {
                        CAPTURE(process->name());
                        CAPTURE(name_of(prediction));
                        CAPTURE(steps);
                        CAPTURE(clip);
                        CAPTURE(choice);
                        const std::string option = choice;
                        SampleRequest request;
                        request.count = 2;
                        request.image_offset = 3;
                        request.seed = 99;
                        request.steps = steps;
                        request.clip = clip;
                        if (option.starts_with("eta")) {
                            request.solver = "ddim";
                            request.eta = std::stod(option.substr(4));
                        } else {
                            request.variance = option;
                        }
                        ClosedForm network(golden_network);
                        const Tensor image = process->sample(network, request);
                        Doubles timesteps;
                        for (const int level : sampling_levels("leading", 6, steps))
                            if (level > 0) timesteps.push_back(level - 1);
                        CHECK(network.seen == timesteps);
                        const Doubles expected =
                            reference_sample(*process, request, process->step_settings(request));
                        CHECK(largest_difference(to_doubles(image), expected) <
                              2e-5 * std::max(1.0, largest_value(expected)));
                    }
    }
}

TEST_CASE("a training batch recomputed by hand") {
    const ImageSize size{4, 3, 2};
    const Shape shape{5, 4, 3, 2};
    RandomState random(7, Device::cpu);
    random.set_step(12);
    const Doubles clean = to_doubles(normal(random, shape, Purpose::augmentation)); // any images will do
    const Tensor images = to_tensor(shape, clean);
    const Doubles noise = to_doubles(normal(random, shape, Purpose::training_noise, 40));
    for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
        const Ddpm ddpm = make_ddpm(size, 30, prediction);
        const NoisyBlur noisy_blur(size, 4, prediction);
        for (const DiagonalProcess* process :
             {static_cast<const DiagonalProcess*>(&ddpm), static_cast<const DiagonalProcess*>(&noisy_blur)}) {
            CAPTURE(process->name());
            CAPTURE(name_of(prediction));
            const TrainingBatch batch = process->training_batch(images, random, 40);
            const bool pixels = process->model().basis == Basis::pixel;
            const DiagonalTables& tables = process->model().tables;
            const Doubles u_0 = pixels ? clean : dct2(clean, shape, false);
            const std::vector<int32_t> levels = to_integers(batch.levels);
            Doubles input(u_0.size()), target(u_0.size());
            for (size_t e = 0; e < u_0.size(); ++e) {
                const int t = levels[e / 24], p = pixels ? 0 : int(e / 2 % 12);
                REQUIRE((t >= 1 && t <= process->steps()));
                const double a = tables.a(t, p), s = tables.s(t, p);
                input[e] = a * u_0[e] + s * noise[e];
                target[e] = prediction == Prediction::epsilon ? noise[e]
                            : prediction == Prediction::x0    ? u_0[e]
                                                              : a * noise[e] - s * u_0[e];
            }
            if (!pixels) {
                input = dct2(input, shape, true);
                target = dct2(target, shape, true);
            }
            CHECK(largest_difference(to_doubles(batch.input), input) < 1e-5);
            CHECK(largest_difference(to_doubles(batch.target), target) < 1e-5);
            const Doubles timesteps = to_doubles(batch.timesteps);
            for (size_t i = 0; i < 5; ++i) CHECK(timesteps[i] == levels[i] - 1);
            CHECK(!batch.weight.defined());
            CHECK(batch.scale == doctest::Approx(1.0 / (5 * 24)));

            // Image 42 is the same alone, and another step is another draw.
            const TrainingBatch alone = process->training_batch(images.images(2, 1), random, 42);
            CHECK(to_integers(alone.levels)[0] == levels[2]);
            CHECK(largest_difference(to_doubles(alone.input), to_doubles(batch.input.images(2, 1))) < 1e-6);
            RandomState later(7, Device::cpu);
            later.set_step(13);
            const TrainingBatch other = process->training_batch(images, later, 40);
            CHECK(largest_difference(to_doubles(other.input), to_doubles(batch.input)) > 0.1);
        }
    }
    const Ddpm ddpm = make_ddpm(size, 30);
    CHECK_THROWS_AS(ddpm.training_batch(to_tensor(Shape{5, 3, 4, 2}, clean), random, 0), Error);
}

TEST_CASE("image k of a run is the same in any batch") {
    const NoisyBlur process({4, 4, 1}, 5, Prediction::epsilon);
    ClosedForm network(golden_network);
    SampleRequest request;
    request.count = 5;
    request.seed = 4;
    const Tensor together = process.sample(network, request);
    request.count = 1;
    for (uint32_t k = 0; k < 5; ++k) {
        request.image_offset = k;
        CHECK(largest_difference(to_doubles(process.sample(network, request)),
                                 to_doubles(together.images(k, 1))) < 1e-6);
    }
    request.image_offset = 0;
    request.seed = 5;
    CHECK(largest_difference(to_doubles(process.sample(network, request)),
                             to_doubles(together.images(0, 1))) > 0.1);
}

TEST_CASE("sampling a known Gaussian with its exact denoiser") {
    // Data N(m, r²) per pixel: E[ε | u_t] = s (u − a m)/(a² r² + s²). Each step is then affine in u, so the
    // distribution the sampler ends in is known exactly.
    const double m = 0.3, r = 0.4;
    const int steps = 100;
    const Ddpm process({16, 16, 1}, linear_betas(steps, 1e-3, 0.2), Prediction::epsilon, Variance::small,
                       Device::cpu);
    const DiagonalTables& tables = process.model().tables;
    const auto slope = [&](int t) {
        const double a = tables.a(t, 0), s = tables.s(t, 0);
        return s / (a * a * r * r + s * s);
    };
    ClosedForm network([&](const Doubles& x, double timestep) {
        const int t = int(timestep) + 1;
        Doubles noise;
        for (const double value : x) noise.push_back(slope(t) * (value - tables.a(t, 0) * m));
        return noise;
    });
    for (const char* solver : {"ancestral", "ddim"})
        for (const int count : {steps, 20}) {
            CAPTURE(solver);
            CAPTURE(count);
            SampleRequest request;
            request.count = 64;
            request.seed = 1;
            request.steps = count;
            request.solver = solver;
            request.clip = false;
            request.spacing = "trailing";
            const Doubles values = to_doubles(process.sample(network, request));
            const std::vector<int> levels = sampling_levels("trailing", steps, count);
            double mean = 0, variance = 1;
            for (size_t i = 0; i + 1 < levels.size(); ++i) {
                const int t = levels[i];
                const StepCoefficients c =
                    step_coefficients(tables, process.step_settings(request), levels[i + 1], t, 0);
                const double factor = c.state + c.output * slope(t);
                mean = factor * mean - c.output * slope(t) * tables.a(t, 0) * m;
                variance = factor * factor * variance + c.noise * c.noise;
            }
            const auto n = double(values.size());
            double sum = 0, squares = 0;
            for (const double value : values) sum += value;
            for (const double value : values) squares += std::pow(value - sum / n, 2);
            // Five standard errors of a mean and of a variance of n independent normals.
            CHECK(std::abs(sum / n - mean) < 5 * std::sqrt(variance / n));
            CHECK(std::abs(squares / (n - 1) - variance) < 5 * variance * std::sqrt(2 / n));
            // And what the sampler ends in is the data, but for the discretisation.
            CAPTURE(mean);
            CAPTURE(variance);
            const double tolerance = count == steps ? 0.04 : 0.15;
            CHECK(mean == doctest::Approx(m).epsilon(tolerance));
            CHECK(std::sqrt(variance) == doctest::Approx(r).epsilon(tolerance));
        }
}

TEST_CASE("clipping, and the views of a trajectory") {
    const Ddpm process = make_ddpm({4, 4, 1}, 8);
    ClosedForm network([](const Doubles& x, double) { return Doubles(x.size(), -5.0); });
    SampleRequest request;
    request.count = 2;
    CHECK(largest_value(to_doubles(process.sample(network, request))) <= 1.0);
    request.clip = false;
    CHECK(largest_value(to_doubles(process.sample(network, request))) > 2.0);

    ClosedForm mild(golden_network);
    for (const auto view :
         {SampleRequest::View::none, SampleRequest::View::state, SampleRequest::View::clean}) {
        request.view = view;
        std::vector<Doubles> images;
        std::vector<int> levels;
        const Tensor result = process.sample(mild, request, [&](const SampleStep& step) {
            CHECK(step.steps == 8);
            levels.push_back(step.level);
            if (step.image.defined()) images.push_back(to_doubles(step.image));
        });
        CHECK(levels == std::vector<int>{8, 7, 6, 5, 4, 3, 2, 1, 0});
        CHECK(images.size() == (view == SampleRequest::View::none ? 0 : 9));
        if (images.empty()) continue;
        const RandomState random(request.seed, Device::cpu);
        CHECK(images[0] == to_doubles(normal(random, result.shape(), Purpose::prior)));
        CHECK(largest_difference(images[8], to_doubles(result)) < 1e-5); // at level 0 state and û_0 are one
        const CleanCoefficients clean = clean_coefficients(process.model().tables, Prediction::epsilon, 8, 0);
        const Doubles output = golden_network(images[0], 7);
        const StepCoefficients step =
            step_coefficients(process.model().tables, process.step_settings(request), 7, 8, 0);
        RandomState first(request.seed, Device::cpu);
        const Doubles noise = to_doubles(normal(first, result.shape(), Purpose::step_noise));
        for (size_t e = 0; e < images[1].size(); ++e) {
            const double expected =
                view == SampleRequest::View::clean
                    ? clean.state * images[0][e] + clean.output * output[e]
                    : step.state * images[0][e] + step.output * output[e] + step.noise * noise[e];
            CHECK(images[1][e] == doctest::Approx(expected).epsilon(1e-4));
        }
    }
}

TEST_CASE("the DDPM process reports itself") {
    const auto process = make_process({}, {8, 8, 3}, Device::cpu);
    CHECK(process->name() == "ddpm");
    CHECK(process->steps() == 1000);
    CHECK(process->data_low() == -1.f);
    CHECK(process->timestep_of_level(1) == 0.f);
    CHECK(!process->needs_prior());
    CHECK(process->prior().empty());
    const auto value = [&](const std::string& name) {
        for (const ReportEntry& entry : process->report())
            if (entry.name == name) return entry.value;
        FAIL("no entry " << name);
        return 0.0;
    };
    const double alpha_bar = process->tables()[0].values.back();
    CHECK(alpha_bar == doctest::Approx(4.0358e-5).epsilon(1e-4)); // Ho et al.'s schedule
    CHECK(value("alpha_bar_last") == alpha_bar);
    CHECK(value("terminal_kl_nats_per_dimension") ==
          doctest::Approx(-0.5 * std::log1p(-alpha_bar)).epsilon(1e-9));
    CHECK(value("log10_condition") == 0.0);
    CHECK(value("log10_snr_last") == doctest::Approx(std::log10(alpha_bar / (1 - alpha_bar))));
    CHECK(value("clean_error_gain") == doctest::Approx(std::sqrt((1 - alpha_bar) / alpha_bar)));
    CHECK(value("modes_lost_in_float32") == 0.0);
    // û_0 from two terms, its limits, the step's noise and its three terms, 192 floats each.
    CHECK(value("step_bytes_per_image") == 192 * 4 * (3 + 2 + 1 + 4));
    CHECK(value("step_flops_per_image") == 192 * (3 + 2 + 5));
}

TEST_CASE("impossible requests are refused, with what would do") {
    const Ddpm process = make_ddpm({2, 2, 1}, 10);
    ClosedForm network(golden_network);
    const auto message = [&](const std::function<void(SampleRequest&)>& change) {
        SampleRequest request;
        change(request);
        return error_of([&] { process.sample(network, request); });
    };
    const auto contains = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(contains(message([](auto& r) { r.solver = "plms"; }), "ancestral or ddim"));
    CHECK(contains(message([](auto& r) { r.steps = 11; }), "1 to 10"));
    CHECK(contains(message([](auto& r) { r.steps = -1; }), "1 to 10"));
    CHECK(contains(message([](auto& r) { r.count = 0; }), "at least 1"));
    CHECK(contains(message([](auto& r) { r.eta = 0.5; }), "ddim"));
    CHECK(contains(message([](auto& r) {
                       r.solver = "ddim";
                       r.eta = 1.5;
                   }),
                   "0 to 1"));
    CHECK(contains(message([](auto& r) {
                       r.solver = "ddim";
                       r.variance = "large";
                   }),
                   "eta"));
    CHECK(contains(message([](auto& r) { r.variance = "medium"; }), "small, large or learned"));
    CHECK(contains(message([](auto& r) { r.spacing = "even"; }), "linspace, karras or log-snr"));
    CHECK(message([](auto&) {}) == "no error");

    ClosedForm wrong([](const Doubles& x, double) { return x; });
    class Misshapen : public Denoiser {
        Tensor predict(const Tensor& x, const Tensor&) override { return x.reshape(Shape{x.count()}); }
    } misshapen;
    CHECK(contains(error_of([&] { process.sample(misshapen, {}); }), "network output"));

    // û_0 is beyond f32 where a_N is: refused with clipping, possible without.
    const int width = 4;
    Doubles log_a, log_s;
    for (int t = 0; t <= 2; ++t)
        for (int p = 0; p < width; ++p) {
            log_a.push_back(-60.0 * t * p);
            log_s.push_back(t ? 0.0 : -INFINITY);
        }
    class Steep : public DiagonalProcess {
    public:
        using DiagonalProcess::DiagonalProcess;
        std::string name() const override { return "steep"; }
        std::vector<TableColumn> tables() const override { return {}; }
    };
    const Steep steep({2, 2, 1},
                      {Basis::dct2, DiagonalTables(2, width, log_a, log_s), Doubles(4, 1.0),
                       Prediction::epsilon, Variance::small, -1.f, 1.f},
                      Device::cpu);
    CHECK(contains(error_of([&] { steep.sample(network, {}); }), "does not fit f32"));

    const auto configured = [](const std::function<void(ProcessConfig&)>& change) {
        ProcessConfig config;
        change(config);
        return error_of([&] { make_process(config, {4, 4, 1}, Device::cpu); });
    };
    CHECK(contains(configured([](auto& c) { c.kind = "vae"; }),
                   "expected one of ddpm, ihdm, hdm, blurring, cold"));
    CHECK(contains(configured([](auto& c) { c.schedule = "sqrt"; }), "linear, scaled_linear"));
    CHECK(contains(configured([](auto& c) { c.prediction = "eps"; }), "epsilon, x0 or v"));
    CHECK(contains(configured([](auto& c) { c.variance = "fixed"; }), "small, large or learned"));
    CHECK(contains(configured([](auto& c) { c.steps = 0; }), "at least 1"));
    CHECK(contains(configured([](auto& c) {
                       c.kind = "ihdm";
                       c.steps = 1;
                   }),
                   "at least 2"));
    CHECK(contains(configured([](auto& c) {
                       c.kind = "ihdm";
                       c.sigma_max = 0.25;
                   }),
                   "sigma_min < sigma_max"));
    CHECK(contains(configured([](auto& c) {
                       c.kind = "ihdm";
                       c.delta = -1;
                   }),
                   "delta = -1"));

    CHECK_THROWS_AS(Steep({3, 2, 1},
                          {Basis::dct2, DiagonalTables(2, width, log_a, log_s), Doubles(4, 1.0),
                           Prediction::x0, Variance::small, -1.f, 1.f},
                          Device::cpu),
                    Error); // four eigenvalues, six points
    CHECK_THROWS_AS(Steep({2, 2, 1},
                          {Basis::pixel,
                           DiagonalTables(1, 1, {-1.0, 0.0}, {0.0, 0.0}),
                           {1.0},
                           Prediction::x0,
                           Variance::small,
                           -1.f,
                           1.f},
                          Device::cpu),
                    Error); // the signal rises: no chain
}

TEST_SUITE_END();
