// Sampling steps as graphs: captured where they can be, the same images with and without.

#include "kernels/math_mode.h"
#include "nets/unet.h"
#include "processes/cold_diffusion.h"
#include "processes/ddpm.h"
#include "processes/heat_dissipation.h"
#include "processes/schedule.h"
#include "tests/devices.h"
#include "tests/engine/capture_stub.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using heat::test::CaptureStub;
using heat::test::devices;

namespace {

constexpr ImageSize size{8, 8, 1};

class Network final : public Denoiser {
public:
    explicit Network(Device device, bool capturable = true) : capturable_(capturable) {
        store_.allocate(device, 11);
    }
    Tensor predict(const Tensor& x, const Tensor& timesteps) override {
        ++calls;
        return network_.forward(Variable(x), timesteps, {}).value();
    }
    bool capturable() const override { return capturable_; }

    int calls = 0;

private:
    static nets::UNetConfig config() {
        nets::UNetConfig c;
        c.in_channels = c.out_channels = 1;
        c.channels = {8, 16};
        c.blocks = 1;
        c.groups = 4;
        c.zero_initialize = false;
        return c;
    }
    ParameterStore store_;
    nets::UNet network_{config(), store_};
    bool capturable_;
};

Ddpm ddpm(Device device) {
    return Ddpm(size, linear_betas(20, 1e-3, 0.2), Prediction::epsilon, Variance::small, device);
}

std::unique_ptr<HeatDissipation> blur(Device device) {
    auto process =
        std::make_unique<HeatDissipation>(size, HeatDissipationSettings{.steps = 8, .sigma_max = 4}, device);
    process->prepare_prior(normal(RandomState(1, device), Shape{5, 8, 8, 1}, Purpose::prior));
    return process;
}

std::unique_ptr<ColdDiffusion> cold(Device device) {
    auto process =
        std::make_unique<ColdDiffusion>(size, ColdDiffusionSettings{.steps = 8, .sigma_max = 4}, device);
    process->prepare_prior(normal(RandomState(1, device), Shape{5, 8, 8, 1}, Purpose::prior));
    return process;
}

SampleRequest request(const std::string& solver, int steps) {
    SampleRequest r;
    r.count = 3;
    r.seed = 9;
    r.solver = solver;
    r.steps = steps;
    return r;
}

} // namespace

TEST_SUITE("processes") {

    TEST_CASE("sampling: steps are captured after eager ones, one graph with noise and one without") {
        const auto run = [](Process& process, SampleRequest r, const std::string& expected) {
            CaptureStub stub;
            std::string remarks;
            Network network(Device::cpu);
            const std::vector<float> plain = process.sample(network, r).to_host();
            r.graphs = {
                .wanted = true, .remark = [&](const std::string& s) { remarks += s; }, .calls = &stub};
            const std::vector<float> graphed = process.sample(network, r).to_host();
            CHECK(stub.log == expected);
            CHECK(remarks == "");
            return plain == graphed;
        };
        Ddpm process = ddpm(Device::cpu);
        const auto blurring = blur(Device::cpu);
        const auto cooled = cold(Device::cpu);
        // The stub executes what it records and launches nothing: three steps of a kind come out right.
        CHECK(run(process, request("ddim", 3), "begin end launch1 destroy1 "));
        SampleRequest noisy = request("ddim", 4);
        noisy.eta = 1; // three steps with noise, the last without
        CHECK(run(process, noisy, "begin end launch1 destroy1 "));
        CHECK_FALSE(run(process, request("ancestral", 8),
                        "begin end launch1 launch1 launch1 launch1 launch1 destroy1 "));
        SampleRequest filled = request("ddim", 3);
        const Shape shape{3, 8, 8, 1};
        filled.inpainting = {normal(RandomState(2, Device::cpu), shape, Purpose::prior),
                             Tensor::full(Shape{1, 8, 8, 1}, 1.f, Device::cpu)};
        CHECK(run(process, filled, "begin end launch1 destroy1 "));
        CHECK_FALSE(run(*cooled, request("cold", 8),
                        "begin end launch1 launch1 launch1 launch1 launch1 launch1 destroy1 "));
        CHECK_FALSE(run(*blurring, request("ihdm", 8),
                        "begin end launch1 launch1 launch1 launch1 launch1 destroy1 "));
    }

    TEST_CASE("sampling: a solver that keeps predictions has a graph for each memory they go to in turn") {
        Ddpm process = ddpm(Device::cpu);
        const auto graphs = [&](const std::string& solver, int order) {
            CaptureStub stub;
            Network network(Device::cpu);
            SampleRequest r = request(solver, 14);
            if (order) r.options.order = order;
            r.graphs = {.wanted = true, .remark = {}, .calls = &stub};
            (void)process.sample(network, r);
            int begun = 0;
            for (size_t at = 0; (at = stub.log.find("begin ", at)) != std::string::npos; ++at) ++begun;
            return begun;
        };
        CHECK(graphs("euler", 0) == 1);
        CHECK(graphs("dpm-solver++", 2) == 2);
        CHECK(graphs("dpm-solver", 3) == 3);
        CHECK(graphs("unipc", 2) == 3);
        CHECK(graphs("heun", 0) == 2); // both stages of a step
    }

    TEST_CASE("sampling: a network of host code, and a view of the clean image, are never captured") {
        Ddpm process = ddpm(Device::cpu);
        CaptureStub stub;
        SampleRequest r = request("ddim", 6);
        r.graphs.calls = &stub;
        Network host(Device::cpu, false), device(Device::cpu);
        (void)process.sample(host, r);
        CHECK(host.calls == 6);
        r.view = SampleRequest::View::clean;
        (void)process.sample(device, r, [](const SampleStep&) {});
        CHECK(device.calls == 6);
        CHECK(stub.log == "");
    }

    TEST_CASE("sampling: a second run asks the system for no memory") {
        for (const Device device : devices()) {
            CAPTURE(name_of(device));
            Ddpm process = ddpm(device);
            Network network(device);
            const SampleRequest r = request("ancestral", 10);
            for (int i = 0; i < 2; ++i) (void)process.sample(network, r);
            const MemoryStatistics before = memory_statistics(device);
            (void)process.sample(network, r);
            CHECK(memory_statistics(device).allocations == before.allocations);
            CHECK(memory_statistics(device).in_use == before.in_use);
        }
    }

    TEST_CASE("sampling on a GPU: with and without graphs to the same bits") {
        const kernels::MathMode usual = kernels::math_mode();
        kernels::set_math_mode({.tf32 = usual.tf32, .deterministic = true});
        for (const Device device : devices()) {
            if (device == Device::cpu) continue;
            Ddpm process = ddpm(device);
            const auto blurring = blur(device);
            const auto check = [&](Process& p, SampleRequest r, int shapes = 2) {
                Network network(device);
                std::string remarks;
                r.graphs.remark = [&](const std::string& s) { remarks += s; };
                const std::vector<float> graphed = p.sample(network, r).to_host();
                CHECK(remarks == "");
                CHECK(network.calls <= shapes * (GraphedWork::eager_runs + 1)); // the others were replayed
                r.graphs.wanted = false;
                CHECK(p.sample(network, r).to_host() == graphed);
            };
            check(process, request("ddim", 10));
            check(process, request("ancestral", 20));
            check(process, request("dpm-solver++", 15));
            check(process, request("unipc", 15));
            check(*blurring, request("ihdm", 8));
            check(*cold(device), request("cold", 8));
            SampleRequest filled = request("ddim", 20);
            const Shape shape{3, 8, 8, 1};
            filled.inpainting = {normal(RandomState(2, device), shape, Purpose::prior),
                                 Tensor::full(Shape{1, 8, 8, 1}, 1.f, device), 2, 4};
            check(process, filled);
            SampleRequest varied = request("ancestral", 20);
            varied.noise.variations = 3;
            varied.noise.split_share = 0.5;
            check(process, varied, 3);
            SampleRequest between = request("ancestral", 20);
            between.noise.other_seed = 4;
            check(process, between);
        }
        kernels::set_math_mode(usual);
    }
}
