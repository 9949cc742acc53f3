#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/schedule.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

TEST_CASE("sampling from a start of one's own: the prior's noise gives the seed's images") {
    const Ddpm process({3, 5, 2}, linear_betas(8, 1e-3, 0.3), Prediction::epsilon, Variance::small,
                       Device::cpu);
    ClosedForm network(golden_network);
    for (const char* solver : {"ddim", "ancestral"}) {
        INFO(solver);
        SampleRequest request;
        request.count = 2;
        request.seed = 7;
        request.solver = solver;
        const std::vector<float> drawn = process.sample(network, request).to_host();
        const RandomState random(request.seed, Device::cpu);
        request.start = normal(random, Shape{2, 3, 5, 2}, Purpose::prior, 0);
        const std::vector<float> before = request.start.to_host();
        CHECK(process.sample(network, request).to_host() == drawn);
        CHECK(request.start.to_host() == before); // the solver writes over a copy
        request.start = normal(random, Shape{2, 3, 5, 2}, Purpose::prior, 2);
        CHECK(process.sample(network, request).to_host() != drawn);
    }
}

TEST_CASE("sampling from a start of one's own: what does not fit is refused") {
    ClosedForm network(golden_network);
    for (const std::string& kind : process_kinds()) {
        INFO(kind);
        const auto process = make_process({.kind = kind, .steps = 4}, {4, 4, 1}, Device::cpu);
        SampleRequest request;
        request.count = 2;
        request.start = Tensor::zeros(Shape{2, 4, 4, 1}, Dtype::f32, Device::cpu);
        CHECK(error_of([&] { process->check(request); }) ==
              (kind == "ddpm" || kind == "sub-vp"
                   ? "no error"
                   : "process " + kind +
                         " does not start from white noise in pixels: it takes no start from outside"));
        if (kind != "ddpm") continue;
        request.start = Tensor::zeros(Shape{3, 4, 4, 1}, Dtype::f32, Device::cpu);
        CHECK(error_of([&] { process->check(request); }) ==
              "start of sampling: expected f32 2×4×4×1, got f32 3×4×4×1");
    }
}

TEST_CASE("scaled_linear: the roots of the betas lie on a line") {
    const Doubles betas = betas_from_name("scaled_linear", 5, 0.01, 0.09);
    const Doubles expected{0, 0.01, 0.0225, 0.04, 0.0625, 0.09};
    CHECK(largest_difference(betas, expected) < 1e-15);
    CHECK_THROWS_AS(scaled_linear_betas(5, 0.02, 0.01), Error);
}

TEST_SUITE_END();
