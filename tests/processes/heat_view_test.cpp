#include "processes/factory.h"
#include "processes/heat_diffusion_model.h"
#include "processes/operators/random_operator.h"
#include "processes/schedule.h"
#include "support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr ImageSize size{4, 5, 2};

ProcessConfig config_of(const std::string& solver, const std::string& input) {
    ProcessConfig config;
    config.kind = "hdm";
    config.steps = 6;
    config.beta_start = 0.02;
    config.beta_end = 0.3;
    config.k = 0.05;
    config.solver = solver;
    config.input = input;
    return config;
}

} // namespace

TEST_CASE("HDM by dense, sparse and iterative solvers is HDM in its eigenbasis") {
    RandomState random(2, Device::cpu);
    random.set_step(9);
    const Tensor images = normal(random, Shape{6, 4, 5, 2}, Purpose::augmentation);
    for (const std::string input : {"u", "v"}) {
        const auto spectral = make_process(config_of("spectral", input), size, Device::cpu);
        for (const std::string solver : {"dense", "sparse", "iterative"}) {
            CAPTURE(input);
            CAPTURE(solver);
            if (!is_available(solver_method_from_name(solver))) {
                CHECK(error_of([&] {
                          (void)make_process(config_of(solver, input), size, Device::cpu);
                      }).find("libeigen3-dev") != std::string::npos);
                continue;
            }
            const auto process = make_process(config_of(solver, input), size, Device::cpu);
            CHECK(process->solvers() == spectral->solvers());
            const TrainingBatch a = process->training_batch(images, random, 4),
                                b = spectral->training_batch(images, random, 4);
            CHECK(largest_difference(to_doubles(a.input), to_doubles(b.input)) < 1e-5);
            CHECK(a.target.to_host() == b.target.to_host());
            // The adiabatic boundary draws its noise in pixels either way, so that samples are the same too.
            for (const char* sampler : {"ancestral", "ddim"})
                for (const int steps : {6, 3})
                    for (const bool clip : {false, true})
                        for (const auto view : {SampleRequest::View::state, SampleRequest::View::clean}) {
                            SampleRequest request;
                            request.count = 2;
                            request.seed = 6;
                            request.solver = sampler;
                            request.steps = steps;
                            request.clip = clip;
                            request.view = view;
                            ClosedForm network(golden_network);
                            std::vector<Doubles> frames[2];
                            Tensor results[2];
                            for (const int i : {0, 1})
                                results[i] = (i ? spectral : process)
                                                 ->sample(network, request, [&](const SampleStep& step) {
                                                     frames[i].push_back(to_doubles(step.image));
                                                 });
                            CHECK(largest_difference(to_doubles(results[0]), to_doubles(results[1])) < 1e-4);
                            REQUIRE(frames[0].size() == frames[1].size());
                            for (size_t i = 0; i < frames[0].size(); ++i)
                                CHECK(largest_difference(frames[0][i], frames[1][i]) < 1e-4);
                        }
            CHECK_FALSE(process->training_batch(images, random, 0).weight.defined());
            std::map<std::string, double> report, other;
            for (const ReportEntry& entry : process->report()) report[entry.name] = entry.value;
            for (const ReportEntry& entry : spectral->report()) other[entry.name] = entry.value;
            for (const char* same : {"log10_condition", "last_step_error_gain", "eigenvalue_smallest",
                                     "clean_error_gain", "log10_snr_first", "log10_snr_last"})
                CHECK(report.at(same) == doctest::Approx(other.at(same)));
            CHECK(report.at("step_flops_per_image") > 0);
        }
    }
}

TEST_CASE("the random operator keeps the constant image and halves as powers say") {
    if (!is_available(SolverMethod::dense)) return;
    const RandomOperator random(4, 5);
    const std::vector<double>& l = random.eigenvalues();
    REQUIRE(l.size() == 20);
    double trace = 0;
    for (const double value : l) trace += value;
    CHECK(trace == doctest::Approx(-80)); // 4 a pixel
    CHECK(l.back() == doctest::Approx(0).epsilon(1e-12));
    CHECK(l[18] < -1); // the constant image alone is kept
    const auto gains = [&](double time) {
        Doubles values;
        for (const double value : l) values.push_back(std::exp(value * time));
        return values;
    };
    const Tensor constant = Tensor::full(Shape{2, 4, 5, 3}, 0.7f, Device::cpu);
    CHECK(largest_difference(to_doubles(random.apply(constant, gains(0.3))), to_doubles(constant)) < 1e-6);
    const Tensor x = normal(RandomState(3, Device::cpu), Shape{2, 4, 5, 3}, Purpose::prior);
    CHECK(largest_difference(to_doubles(random.apply(random.apply(x, gains(0.1)), gains(0.2))),
                             to_doubles(random.apply(x, gains(0.3)))) < 2e-6);
    Doubles each = gains(0.1);
    const Doubles second = gains(0.4);
    each.insert(each.end(), second.begin(), second.end());
    const Tensor both = random.apply(x, each);
    CHECK(largest_difference(to_doubles(both.images(1, 1)),
                             to_doubles(random.apply(x.images(1, 1), second))) < 1e-6);
    // L itself: off-diagonal weights of one sign, whatever the distance of the pixels.
    Doubles unit(20, 0.0);
    unit[7] = 1;
    const Doubles column = to_doubles(random.apply(to_tensor(Shape{1, 4, 5, 1}, unit), l));
    double sum = 0;
    for (size_t p = 0; p < 20; ++p) {
        sum += column[p];
        if (p != 7) CHECK(column[p] >= -1e-6);
    }
    CHECK(sum == doctest::Approx(0).epsilon(1e-5));
    CHECK(error_of([&] { (void)random.apply(x, Doubles(3, 1.0)); }).find("expected gains") !=
          std::string::npos);
    CHECK_THROWS_AS(RandomOperator(100, 100), Error);
}

TEST_CASE("HDM with the random operator undoes what it does") {
    if (!is_available(SolverMethod::dense)) return;
    ProcessConfig config = config_of("dense", "u");
    config.operation = "random";
    const auto process = make_process(config, size, Device::cpu);
    const auto& model = dynamic_cast<const HeatDiffusionModel&>(*process).model();
    const Tensor images = normal(RandomState(5, Device::cpu), Shape{2, 4, 5, 2}, Purpose::augmentation);
    const Tensor blurred = model.view->state_of(images);
    CHECK(largest_difference(to_doubles(blurred), to_doubles(images)) > 0.1);
    CHECK(largest_difference(to_doubles(model.view->images_of(blurred)), to_doubles(images)) < 1e-5);
    // With the noise known, DDIM comes back to the images.
    config.input = "v";
    const auto sees_v = make_process(config, size, Device::cpu);
    const Doubles state = to_doubles(blurred);
    const DiagonalTables& tables = model.tables;
    ClosedForm network([&](const Doubles& v, double timestep) {
        Doubles noise = v;
        const int t = int(timestep) + 1;
        for (size_t e = 0; e < v.size(); ++e) noise[e] = (v[e] - tables.a(t, 0) * state[e]) / tables.s(t, 0);
        return noise;
    });
    SampleRequest request;
    request.count = 2;
    request.solver = "ddim";
    CHECK(largest_difference(to_doubles(sees_v->sample(network, request)), to_doubles(images)) < 1e-4);
}

TEST_CASE("HDM refuses what its solver does not take") {
    const auto refusal = [](const std::function<void(ProcessConfig&)>& change) {
        ProcessConfig config = config_of("sparse", "u");
        change(config);
        return error_of([&] { (void)make_process(config, size, Device::cpu); });
    };
    const auto says = [](const std::string& text, const char* part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    says(refusal([](auto& c) { c.input = "normalised"; }), "process.input = u or v");
    says(refusal([](auto& c) { c.prediction = "v"; }), "prediction epsilon");
    says(refusal([](auto& c) { c.gain_floor = 0.1; }), "choose spectral");
    says(refusal([](auto& c) { c.operation = "random"; }), "process.solver = dense");
    says(refusal([](auto& c) { c.operation = "noise"; }), "heat or random");
    says(refusal([](auto& c) { c.solver = "lu"; }), "sparse");
    if (!is_available(SolverMethod::sparse)) return;
    // Left out, the input is the one that the solver takes.
    CHECK(refusal([](auto& c) { c.input.clear(); }) == "no error");
    CHECK(refusal([](auto& c) { c.k = 0.0; }) == "no error");
}

TEST_SUITE_END();
