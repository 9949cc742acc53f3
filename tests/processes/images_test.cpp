// Sampling that starts from images, inpainting, and noises of other seeds.

#include "processes/blurring_diffusion.h"
#include "processes/cold_diffusion.h"
#include "processes/combination.h"
#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/heat_dissipation.h"
#include "processes/inpainting.h"
#include "processes/schedule.h"
#include "support.h"

#include <doctest/doctest.h>

#include <memory>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

namespace {

constexpr ImageSize size{4, 6, 1};
const Shape shape{3, 4, 6, 1};

Tensor images_of(uint64_t seed) {
    Doubles values = to_doubles(normal(RandomState(seed, Device::cpu), shape, Purpose::training_noise));
    for (double& value : values) value = 0.5 + 0.3 * std::tanh(value);
    return to_tensor(shape, values);
}

std::unique_ptr<Process> make(const std::string& kind, int steps = 6) {
    std::unique_ptr<Process> process =
        make_process({.kind = kind, .steps = steps, .sigma_max = 3}, size, Device::cpu);
    process->prepare_prior(images_of(40));
    return process;
}

SampleRequest request_of(uint64_t seed) {
    SampleRequest request;
    request.count = shape[0];
    request.seed = seed;
    return request;
}

/// Each pixel by itself and by the one opposite, so that what is done to some is seen in all.
Doubles mixing_network(const Doubles& x, double timestep) {
    const auto each = size_t(size.elements());
    Doubles y = golden_network(x, timestep);
    for (size_t e = 0; e < x.size(); ++e) y[e] += 0.2 * x[e / each * each + (each - 1 - e % each)];
    return y;
}

std::vector<float> sampled(const Process& process, const SampleRequest& request) {
    ClosedForm network(mixing_network);
    return process.sample(network, request).to_host();
}

/// Places first … first + count − 1 of a request whose tensors are for all.
std::vector<float> part(const Process& process, SampleRequest request, int64_t first, int64_t count) {
    for (Tensor* given : {&request.initial.images, &request.inpainting.images})
        if (given->defined()) *given = given->images(first, count);
    request.image_offset += uint32_t(first);
    request.count = count;
    return sampled(process, request);
}

void check_batches(const Process& process, const SampleRequest& request) {
    const std::vector<float> whole = sampled(process, request);
    std::vector<float> parts = part(process, request, 0, 2);
    const std::vector<float> rest = part(process, request, 2, request.count - 2);
    parts.insert(parts.end(), rest.begin(), rest.end());
    CHECK(parts == whole);
}

std::vector<float> image(const std::vector<float>& all, int64_t i) {
    const auto each = all.begin() + i * size.elements();
    return {each, each + size.elements()};
}

Tensor half_mask() {
    Doubles mask(size_t(size.points()), 0.0);
    for (size_t i = 0; i < mask.size(); i += 2) mask[i] = 1;
    return to_tensor(Shape{1, size.height, size.width, 1}, mask);
}

SampleRequest inpainting_request(const char* solver, int resamples, int jump) {
    SampleRequest request = request_of(3);
    request.solver = solver;
    request.clip = false;
    request.inpainting = {images_of(8), half_mask(), resamples, jump};
    return request;
}

} // namespace

TEST_SUITE_BEGIN("processes");

TEST_CASE("initial images: every diagonal process begins at a·image + s·noise of the level") {
    for (const char* kind : {"ddpm", "hdm", "blurring", "ve", "sub-vp", "edm"}) {
        INFO(std::string(kind));
        const auto process = make(kind);
        const DiagonalModel& model = dynamic_cast<const DiagonalProcess&>(*process).model();
        SampleRequest request = request_of(5);
        request.clip = false;
        request.initial = {images_of(1), 0.6}; // level round(3.6) of 6
        request.view = SampleRequest::View::state;
        Tensor first;
        int level = 0, steps = 0;
        ClosedForm network(golden_network);
        process->sample(network, request, [&](const SampleStep& step) {
            if (step.step == 0) first = step.image, level = step.level, steps = step.steps;
        });
        CHECK(level == 4);
        CHECK(steps == 4);
        CHECK(network.seen.size() == 4);
        CHECK(network.seen.front() == doctest::Approx(process->timestep_of_level(4)));

        const Doubles clean = to_doubles(to_basis(model.basis, request.initial.images));
        const Tensor drawn = normal(RandomState(5, Device::cpu), shape, Purpose::prior);
        const Doubles noise = to_doubles(is_orthonormal(model.basis) ? drawn : to_basis(model.basis, drawn));
        Doubles expected(clean.size());
        for (size_t e = 0; e < clean.size(); ++e) {
            const int width = model.tables.width(), p = width == 1 ? 0 : int(e % size_t(width));
            const double gain = model.input_gains.empty() ? 1 : model.input_gains[size_t(4 * width + p)];
            expected[e] = gain * (model.tables.a(4, p) * clean[e] + model.tables.s(4, p) * noise[e]);
        }
        CHECK(largest_difference(to_doubles(first),
                                 to_doubles(from_basis(model.basis, to_tensor(shape, expected)))) < 3e-5);
        check_batches(*process, request);
    }
}

TEST_CASE("initial images: at strength 1 a black image of ve and edm leaves the ordinary samples") {
    for (const char* kind : {"ve", "edm"})
        for (const char* solver :
             {"ancestral", "ddim", "dpm-solver++", "sde-dpm-solver++", "unipc", "heun"}) {
            INFO(std::string(kind) << " " << std::string(solver));
            const auto process = make(kind);
            SampleRequest request = request_of(2);
            request.solver = solver;
            request.steps = 4;
            const std::vector<float> ordinary = sampled(*process, request);
            request.initial = {Tensor::zeros(shape, Dtype::f32, Device::cpu), 1.0};
            CHECK(sampled(*process, request) == ordinary);
        }
}

TEST_CASE("initial images: from level 1 the image comes back but for its noise") {
    const auto process = make("ddpm", 1000);
    SampleRequest request = request_of(7);
    request.clip = false;
    request.initial = {images_of(1), 0.001};
    ClosedForm silent([](const Doubles& x, double) { return Doubles(x.size(), 0.0); });
    const Doubles back = to_doubles(process->sample(silent, request));
    CHECK(silent.seen == Doubles{0});
    const Doubles clean = to_doubles(request.initial.images);
    const Doubles noise = to_doubles(normal(RandomState(7, Device::cpu), shape, Purpose::prior));
    const DiagonalTables& tables = dynamic_cast<const DiagonalProcess&>(*process).model().tables;
    Doubles expected;
    for (size_t e = 0; e < clean.size(); ++e)
        expected.push_back(clean[e] + tables.s(1, 0) / tables.a(1, 0) * noise[e]);
    CHECK(largest_difference(back, expected) < 1e-6);
    CHECK(largest_difference(back, clean) < 0.05);
}

TEST_CASE("initial images: fewer steps visit the level itself and those of the path below") {
    const auto process = make("ddpm", 20);
    SampleRequest request = request_of(7);
    request.solver = "ddim";
    request.steps = 5; // levels 17, 13, 9, 5, 1
    ClosedForm network(golden_network);
    request.initial = {images_of(1), 0.55};
    process->sample(network, request);
    CHECK(network.seen == Doubles{10, 8, 4, 0});
    network.seen.clear();
    request.initial.strength = 1; // above the path: it begins where it always does
    process->sample(network, request);
    CHECK(network.seen == Doubles{16, 12, 8, 4, 0});
    CHECK(levels_from(11, {17, 13, 9, 5, 1, 0}) == std::vector<int>{11, 9, 5, 1, 0});
    CHECK(levels_from(9, {17, 13, 9, 5, 1, 0}) == std::vector<int>{9, 5, 1, 0});
    CHECK(levels_from(18, {17, 0}) == std::vector<int>{17, 0});
}

TEST_CASE("initial images: ihdm and cold begin with the image blurred to the level") {
    for (const char* kind : {"ihdm", "cold"}) {
        INFO(std::string(kind));
        const auto process = make(kind);
        SampleRequest request = request_of(5);
        request.initial = {images_of(1), 0.5};
        request.view = SampleRequest::View::state;
        Tensor first;
        ClosedForm network(golden_network);
        process->sample(network, request, [&](const SampleStep& step) {
            if (step.step == 0) first = step.image;
        });
        CHECK(network.seen == Doubles{3, 2, 1});
        const HeatBlur blur(size, 6, 0.5, 3, Device::cpu);
        Doubles expected = to_doubles(blur.blur(request.initial.images, 3));
        const Doubles noise = to_doubles(normal(RandomState(5, Device::cpu), shape, Purpose::prior));
        for (size_t e = 0; e < noise.size(); ++e)
            if (kind == std::string("ihdm")) expected[e] += 0.0125 * noise[e];
        CHECK(largest_difference(to_doubles(first), expected) < 1e-6);
        check_batches(*process, request);
    }
}

TEST_CASE("inpainting: nodes of RePaint's schedule") {
    CHECK(resampled_nodes(4, 1, 1) == std::vector<int>{4, 3, 2, 1});
    CHECK(resampled_nodes(6, 2, 2) == std::vector<int>{6, 5, 4, 5, 4, 3, 2, 3, 2, 1});
    CHECK(resampled_nodes(3, 3, 1) == std::vector<int>{3, 3, 3, 2, 2, 2, 1});
}

TEST_CASE("inpainting: the known pixels are the image's, the others come by steps and replacement") {
    const Ddpm process(size, linear_betas(6, 1e-3, 0.3), Prediction::epsilon, Variance::small, Device::cpu);
    for (const auto& [solver, resamples, jump] :
         {std::tuple{"ddim", 1, 10}, {"ancestral", 1, 10}, {"ancestral", 2, 2}, {"ddim", 3, 1}}) {
        INFO(std::string(solver) << " " << resamples << " " << jump);
        const SampleRequest request = inpainting_request(solver, resamples, jump);
        const Doubles got = to_doubles(Tensor::from_host(shape, sampled(process, request), Device::cpu));
        const Doubles given = to_doubles(request.inpainting.images),
                      fill = to_doubles(request.inpainting.mask);
        for (size_t e = 0; e < got.size(); ++e)
            if (fill[e % fill.size()] == 0) CHECK(got[e] == given[e]);

        // Lugmayr et al., Algorithm 1, by hand.
        StepSettings settings = process.step_settings(request);
        const DiagonalTables& tables = process.model().tables;
        RandomState random(3, Device::cpu);
        Doubles x = to_doubles(normal(random, shape, Purpose::prior));
        const std::vector<int> nodes = resampled_nodes(6, resamples, jump);
        for (size_t i = 0; i < nodes.size(); ++i) {
            const int t = nodes[i], s = t - 1, next = i + 1 < nodes.size() ? nodes[i + 1] : 0;
            random.set_step(uint32_t(i));
            const auto noise = [&](uint32_t layer) {
                return to_doubles(normal(random, shape, Purpose::step_noise, 0, layer));
            };
            const Doubles z = noise(0), known = noise(1), up = noise(2);
            const Doubles output = mixing_network(x, t - 1);
            const StepCoefficients step = step_coefficients(tables, settings, s, t, 0);
            const Transition rise = next > s ? transition(tables, s, next, 0) : Transition{1, 0};
            for (size_t e = 0; e < x.size(); ++e) {
                x[e] = step.state * x[e] + step.output * output[e] + step.noise * z[e];
                if (fill[e % fill.size()] == 0) x[e] = tables.a(s, 0) * given[e] + tables.s(s, 0) * known[e];
                x[e] = rise.a * x[e] + std::sqrt(rise.variance) * up[e];
            }
        }
        CHECK(largest_difference(got, x) < 1e-5);
        check_batches(process, request);
    }
    const auto edm = make("edm"); // its network sees the state times a gain
    SampleRequest request = inpainting_request("ddim", 2, 2);
    check_batches(*edm, request);
    Doubles got = to_doubles(Tensor::from_host(shape, sampled(*edm, request), Device::cpu));
    for (size_t e = 1; e < got.size(); e += 2) CHECK(got[e] == to_doubles(request.inpainting.images)[e]);
}

TEST_CASE("interpolation: its ends are the two seeds' images, bit for bit") {
    for (const char* kind : {"ddpm", "hdm", "edm", "ihdm", "cold"}) {
        INFO(std::string(kind));
        const auto process = make(kind);
        SampleRequest request = request_of(5);
        const std::vector<float> a = sampled(*process, request);
        request.seed = 9;
        const std::vector<float> b = sampled(*process, request);
        request.seed = 5;
        request.noise.other_seed = 9;
        request.noise.images = 3;
        request.noise.image = 2;
        const std::vector<float> between = sampled(*process, request);
        CHECK(image(between, 0) == image(a, 2));
        CHECK(image(between, 2) == image(b, 2));
        CHECK(image(between, 1) != image(a, 2));
        CHECK(image(between, 1) != image(b, 2));
        check_batches(*process, request);
    }
}

TEST_CASE("interpolation: spherical on noises, linear on the images that ihdm starts from") {
    const auto process = make("ihdm");
    SampleRequest request = request_of(5);
    request.noise.other_seed = 9;
    request.noise.images = 3;
    request.view = SampleRequest::View::state;
    std::vector<Doubles> states;
    ClosedForm silent([](const Doubles& x, double) { return Doubles(x.size(), 0.0); });
    process->sample(silent, request, [&](const SampleStep& s) { states.push_back(to_doubles(s.image)); });
    const auto& ihdm = dynamic_cast<const HeatDissipation&>(*process);
    const Tensor blurred = ihdm.blur(images_of(40), 6); // the prior
    const auto each = size_t(size.elements());
    Doubles expected(each);
    for (const auto& [seed, way] : {std::pair<uint64_t, double>{5, 0.5}, {9, 0.5}}) {
        const Doubles all = to_doubles(blurred.images(ihdm.prior_index(seed, 0), 1));
        const Doubles noise =
            to_doubles(normal(RandomState(seed, Device::cpu), Shape{1, 4, 6, 1}, Purpose::prior));
        for (size_t e = 0; e < each; ++e) expected[e] += way * all[e] + 0.0125 * std::sqrt(0.5) * noise[e];
    }
    CHECK(
        largest_difference(Doubles(states[0].begin() + int64_t(each), states[0].begin() + 2 * int64_t(each)),
                           expected) < 2e-6);
    Doubles step(each); // and of the first step
    for (const uint64_t seed : {5, 9}) {
        const Doubles noise =
            to_doubles(normal(RandomState(seed, Device::cpu), Shape{1, 4, 6, 1}, Purpose::step_noise));
        for (size_t e = 0; e < each; ++e) step[e] += 0.0125 * std::sqrt(0.5) * noise[e];
    }
    for (size_t e = 0; e < each; ++e)
        CHECK(states[1][each + e] - states[0][each + e] == doctest::Approx(step[e]).epsilon(1e-3));
}

TEST_CASE("noise of another seed: the start stays, and the run's own seed changes nothing") {
    for (const char* kind : {"ddpm", "blurring", "ihdm"}) {
        INFO(std::string(kind));
        const auto process = make(kind);
        SampleRequest request = request_of(5);
        request.view = SampleRequest::View::state;
        const auto follow = [&](std::optional<uint64_t> seed) {
            request.noise.step_seed = seed;
            std::vector<Doubles> states;
            ClosedForm network(golden_network);
            process->sample(network, request,
                            [&](const SampleStep& s) { states.push_back(to_doubles(s.image)); });
            return states;
        };
        const auto ordinary = follow({}), same = follow(5), other = follow(6);
        CHECK(same == ordinary);
        CHECK(other.front() == ordinary.front());
        CHECK(other.back() != ordinary.back());
    }
}

TEST_CASE("variations: one trajectory down to the level, then each its own") {
    for (const char* kind : {"ddpm", "hdm", "ihdm"}) {
        INFO(std::string(kind));
        const auto process = make(kind);
        SampleRequest request = request_of(5);
        request.view = SampleRequest::View::state;
        request.count = 2;
        const std::vector<float> ordinary = sampled(*process, request);
        request.count = 6;
        request.noise.variations = 3;
        request.noise.split_share = 0.5; // level 3 of 6
        ClosedForm network(mixing_network);
        const std::vector<float> varied =
            process
                ->sample(network, request,
                         [&](const SampleStep& step) {
                             const std::vector<float> states = step.image.to_host();
                             CHECK((image(states, 1) == image(states, 0)) == (step.level >= 3));
                             CHECK((image(states, 5) == image(states, 4)) == (step.level >= 3));
                             CHECK(image(states, 3) != image(states, 0));
                         })
                .to_host();
        CHECK(image(varied, 0) == image(ordinary, 0));
        CHECK(image(varied, 3) == image(ordinary, 1));
        check_batches(*process, request);
    }
}

TEST_CASE("images and seeds: what does not fit is refused") {
    const auto refusal = [](const char* kind, const std::function<void(SampleRequest&)>& change) {
        const auto process = make(kind);
        SampleRequest request = request_of(1);
        change(request);
        return error_of([&] { process->check(request); });
    };
    const auto strength = [](double s) { return [s](SampleRequest& r) { r.initial = {images_of(1), s}; }; };
    CHECK(refusal("ddpm", strength(0)) == "strength = 0: expected above 0 to 1");
    CHECK(refusal("ihdm", strength(1.01)) == "strength = 1.01: expected above 0 to 1");
    CHECK(refusal("ddpm", strength(NAN)) == "strength = nan: expected above 0 to 1");
    CHECK(refusal("cold", strength(0.01)) ==
          "strength = 0.01 is level 0 of 6, where nothing is left to sample: expected at least 0.0833");
    CHECK(refusal("ddpm",
                  [](SampleRequest& r) {
                      r.initial = {images_of(1), 0.5};
                      r.solver = "ode";
                  }) ==
          "solver ode starts from the prior: to start from images choose ancestral, ddim or one of the fast "
          "solvers");
    const auto inpaint = [](const char* solver) {
        return [solver](SampleRequest& r) {
            r.inpainting = {images_of(1), half_mask(), 2, 2};
            r.solver = solver;
        };
    };
    const std::string only =
        "inpainting is of processes that take each pixel by itself (ddpm, ve, sub-vp, edm), by "
        "solver ancestral or ddim: ";
    CHECK(refusal("ddpm", inpaint("ancestral")) == "no error");
    CHECK(refusal("ddpm", inpaint("heun")) == only + "solver heun has none");
    CHECK(refusal("ddpm", inpaint("predictor-corrector")) == only + "solver predictor-corrector has none");
    for (const char* kind : {"hdm", "blurring", "ihdm", "cold"})
        CHECK(refusal(kind, inpaint("")) == only + "process " + kind + " has none");
    CHECK(refusal("ddpm", [&](SampleRequest& r) {
              inpaint("ddim")(r);
              r.inpainting.jump = 6;
          }) == "jump = 6 of a path of 6 steps: expected 1 to 5");
    CHECK(refusal("ddpm", [&](SampleRequest& r) {
              inpaint("ddim")(r);
              r.inpainting.mask = Tensor::zeros(Shape{1, 4, 5, 1}, Dtype::f32, Device::cpu);
          }) == "mask of inpainting: expected 1×4×6×1, got 1×4×5×1");
    const auto seed = [](const char* solver) {
        return [solver](SampleRequest& r) {
            r.noise.step_seed = 2;
            r.solver = solver;
        };
    };
    CHECK(refusal("ddpm", seed("ancestral")) == "no error");
    CHECK(refusal("ddpm", seed("ddim")).starts_with("solver ddim draws no noise in its steps"));
    CHECK(refusal("cold", seed("")).starts_with("cold draws no noise in its steps"));
    CHECK(refusal("ddpm",
                  [](SampleRequest& r) {
                      r.noise.variations = 3;
                      r.noise.split_share = 0.2;
                  }) ==
          "split-at = 0.2 is level 1 of 6: no step below draws noise, so that all variations are one; "
          "expected at least 0.333");
}

TEST_SUITE_END();
