#include "engine/ops/loss.h"
#include "engine/optimizer.h"
#include "kernels/error.h"
#include "kernels/memory.h"
#include "nets/unet.h"
#include "tests/nets/golden.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

namespace heat::nets {
namespace {

std::vector<double> widened(const Tensor& t) {
    return reference::widened(t.to_host());
}
std::vector<double> widened(const std::vector<float>& v) {
    return reference::widened(v);
}

/// Output and all gradients of a golden network.
void check_golden(const std::string& name, float loss_scale_per_image, double output_tolerance,
                  double gradient_tolerance, Dtype dtype) {
    INFO(name << ", " << name_of(dtype));
    const Golden golden(name);
    ParameterStore store;
    const UNet network(golden.config(), store);
    store.allocate(Device::cpu, 0);
    store.allocate_gradients();
    golden.load_parameters("parameters.", store);

    Tape tape;
    const Variable x(golden.images("input"), true);
    const Variable y = network.forward(x, golden.timesteps(),
                                       {.dtype = dtype, .dropout = nullptr, .image_offset = 0, .labels = {}});
    CHECK(reference::nmse(widened(y.value()), widened(golden.images("output"))) <= output_tolerance);
    const float scale = loss_scale_per_image / float(y.shape()[0]);
    const BatchLoss error = squared_error(y, golden.images("target"), Tensor(), scale);
    CHECK(error.loss.value().to_host()[0] ==
          doctest::Approx(golden.values("loss")[0]).epsilon(std::sqrt(output_tolerance) + 1e-6));
    tape.backward(error.loss);
    CHECK(reference::nmse(widened(x.gradient()), widened(golden.images("gradients.input"))) <=
          gradient_tolerance);

    double error_sum = 0, expected_sum = 0;
    for (size_t i = 0; i < store.size(); ++i) {
        const std::string& parameter = store.parameter(i).name();
        INFO(parameter);
        const auto actual = widened(store.to_file_layout(i, store.gradients())),
                   expected = widened(golden.values("gradients." + parameter));
        for (size_t k = 0; k < expected.size(); ++k) {
            error_sum += (actual[k] - expected[k]) * (actual[k] - expected[k]);
            expected_sum += expected[k] * expected[k];
        }
        if (dtype != Dtype::f32) continue;
        // A constant added to all scores of a query changes nothing: to_k.bias has gradient 0, and rounding
        // in the file.
        if (parameter.ends_with("to_k.bias"))
            CHECK(reference::largest_error(actual, expected) < 2e-6);
        else
            CHECK(reference::nmse(actual, expected) <= gradient_tolerance);
    }
    CHECK(error_sum / expected_sum <= gradient_tolerance);
}

int64_t count(const UNetConfig& config) {
    ParameterStore store;
    const UNet network(config, store);
    return store.parameter_count();
}

} // namespace

TEST_SUITE("nets") {
    TEST_CASE("U-Net: outputs and gradients of PyTorch networks") {
        const float elements = 3 * 12 * 12;
        check_golden("unet_ddpm.safetensors", 1.f / elements, 1e-10, 1e-9, Dtype::f32);
        check_golden("unet_ddpm_heads.safetensors", 1.f / (12 * 20), 1e-10, 1e-9, Dtype::f32);
        check_golden("unet_ihdm.safetensors", 1.f, 1e-10, 1e-9, Dtype::f32);
    }

    TEST_CASE("U-Net in bf16 stays near the f32 networks") {
        // A whole network of bf16 roundings, not one op: the error adds up over some twenty layers.
        check_golden("unet_ddpm.safetensors", 1.f / (3 * 12 * 12), 1e-3, 1e-2, Dtype::bf16);
        check_golden("unet_ihdm.safetensors", 1.f, 1e-3, 1e-2, Dtype::bf16);
    }

    TEST_CASE("U-Net: ten training steps follow PyTorch's") {
        const Golden start("unet_ddpm.safetensors"), trace("unet_ddpm_trace.safetensors");
        ParameterStore store;
        const UNet network(start.config(), store);
        store.allocate(Device::cpu, 0);
        store.allocate_gradients();
        start.load_parameters("parameters.", store);
        Optimizer optimizer(store,
                            {.learning_rate = 1e-3f, .clip_norm = 1.f, .warm_up = 5, .ema_rate = 0.999f});
        const std::vector<float> losses = trace.values("trace.losses"),
                                 norms = trace.values("trace.grad_norms");
        for (int64_t n = 0; n < 10; ++n) {
            INFO("step " << n);
            CHECK(optimizer.learning_rate_at(n + 1) ==
                  doctest::Approx(trace.values("trace.learning_rates")[size_t(n)]));
            CHECK(optimizer.ema_decay_at(n) == doctest::Approx(trace.values("trace.ema_decays")[size_t(n)]));
            Tape tape;
            const Tensor t = Tensor::from_host(Shape{4}, trace.row("trace.timesteps", n), Device::cpu);
            const Variable y = network.forward(Variable(trace.images("trace.inputs", n)), t, {});
            const BatchLoss error =
                squared_error(y, trace.images("trace.targets", n), Tensor(), 1.f / float(y.shape().count()));
            tape.backward(error.loss);
            optimizer.step();
            CHECK(error.loss.value().to_host()[0] == doctest::Approx(losses[size_t(n)]).epsilon(2e-6));
            CHECK(optimizer.gradient_norm() == doctest::Approx(norms[size_t(n)]).epsilon(5e-6));
        }
        int compared = 0;
        for (size_t i = 0; i < store.size(); ++i) {
            const std::string& name = store.parameter(i).name();
            if (name != "conv_in.weight" && name != "down_blocks.1.attentions.0.to_q.weight" &&
                name != "up_blocks.1.resnets.2.norm1.weight")
                continue;
            CHECK(reference::nmse(widened(store.to_file_layout(i, store.values())),
                                  widened(trace.values("trace.final." + name))) <= 1e-9);
            CHECK(reference::nmse(widened(store.to_file_layout(i, optimizer.ema())),
                                  widened(trace.values("trace.ema." + name))) <= 1e-9);
            ++compared;
        }
        CHECK(compared == 3);
    }

    TEST_CASE("U-Net: a steady training step asks the system for no memory") {
        const Golden start("unet_ddpm.safetensors"), trace("unet_ddpm_trace.safetensors");
        ParameterStore store;
        const UNet network(start.config(), store);
        store.allocate(Device::cpu, 0);
        Optimizer optimizer(store, {});
        const Tensor x = trace.images("trace.inputs", 0), target = trace.images("trace.targets", 0);
        const Tensor t = Tensor::from_host(Shape{4}, trace.row("trace.timesteps", 0), Device::cpu);
        const auto step = [&] {
            Tape tape;
            tape.backward(squared_error(network.forward(Variable(x), t, {}), target, Tensor(), 1e-3f).loss);
            optimizer.step();
        };
        step();
        step();
        const MemoryStatistics before = memory_statistics(Device::cpu);
        reset_peak_memory(Device::cpu);
        step();
        const MemoryStatistics after = memory_statistics(Device::cpu);
        CHECK(after.allocations == before.allocations);
        CHECK(after.in_use == before.in_use);
        CHECK(after.peak > after.in_use); // activations lived during the step
        CHECK(after.reserved >= after.peak);
    }

    TEST_CASE("U-Net: the published parameter counts") {
        UNetConfig ddpm;
        ddpm.channels = {128, 256, 256, 256};
        ddpm.attention_levels = {1};
        CHECK(count(ddpm) == 35'746'307);

        UNetConfig ihdm;
        ihdm.blocks = 4;
        ihdm.cosine_first = true;
        ihdm.in_channels = ihdm.out_channels = 1;
        ihdm.channels = {64, 64, 64};
        ihdm.attention_levels = {2};
        CHECK(count(ihdm) == 3'704'129);
        ihdm.in_channels = ihdm.out_channels = 3;
        ihdm.channels = {128, 256, 256, 256};
        ihdm.attention_levels = {2, 3};
        CHECK(count(ihdm) == 61'060'867);
    }

    TEST_CASE("U-Net: a fresh network is silent, trains every parameter, and depends on its seed") {
        UNetConfig config;
        config.in_channels = config.out_channels = 1;
        config.channels = {8, 16};
        config.blocks = 1;
        config.groups = 4;
        config.head_channels = 4;
        config.downsample = Downsample::average_pool;
        config.upsample = Upsample::nearest;
        config.classes = 3;
        config.dropout = 0.1f;
        const auto run = [&](const UNetConfig& c, uint64_t seed, std::vector<float>& gradients) {
            ParameterStore store;
            const UNet network(c, store);
            store.allocate(Device::cpu, seed);
            store.allocate_gradients();
            const RandomState random(1, Device::cpu);
            const Tensor x = normal(random, Shape{2, 6, 4, 1}, Purpose::prior);
            Tape tape;
            const Variable y = network.forward(
                Variable(x), Tensor::full(Shape{2}, 5.f, Device::cpu),
                {.dtype = Dtype::f32,
                 .dropout = &random,
                 .image_offset = 0,
                 .labels = Tensor::from_host(Shape{2}, std::vector<int32_t>{0, 2}, Device::cpu)});
            tape.backward(squared_error(y, x, Tensor(), 1.f).loss);
            gradients = store.gradients().to_host();
            for (size_t i = 0; i < store.size() && !c.zero_initialize; ++i) {
                const auto g = store.to_file_layout(i, store.gradients());
                INFO(store.parameter(i).name());
                CHECK(std::any_of(g.begin(), g.end(), [](float v) { return v != 0.f; }));
            }
            return y.value().to_host();
        };
        std::vector<float> g1, g2, g3;
        for (const float v : run(config, 0, g1)) CHECK(v == 0.f);
        config.zero_initialize = false;
        const auto first = run(config, 0, g1), again = run(config, 0, g2), other = run(config, 1, g3);
        CHECK(first == again);
        CHECK(g1 == g2);
        CHECK(first != other);
    }

    TEST_CASE("U-Net: what cannot be built or fed is refused") {
        const auto refused = [](auto change) {
            UNetConfig config;
            change(config);
            ParameterStore store;
            CHECK_THROWS_AS(UNet(config, store), Error);
        };
        refused([](UNetConfig& c) { c.channels = {}; });
        refused([](UNetConfig& c) { c.channels = {33}; });
        refused([](UNetConfig& c) { c.attention_levels = {4}; });
        refused([](UNetConfig& c) { c.head_channels = 7; });
        refused([](UNetConfig& c) { c.dropout = 1.f; });
        refused([](UNetConfig& c) { c.blocks = 0; });
        UNetConfig config;
        config.channels = {32, 32};
        ParameterStore store;
        const UNet network(config, store);
        store.allocate(Device::cpu, 0);
        const auto feed = [&](const Shape& shape, int64_t t) {
            return network.forward(Variable(Tensor::zeros(shape, Dtype::f32, Device::cpu)),
                                   Tensor::zeros(Shape{t}, Dtype::f32, Device::cpu), {});
        };
        CHECK_THROWS_WITH_AS(feed(Shape{1, 7, 8, 3}, 1),
                             "network: 2 levels need height and width in multiples of 2, got 7×8", Error);
        CHECK_THROWS_AS(feed(Shape{1, 8, 8, 1}, 1), Error);
        CHECK_THROWS_AS(feed(Shape{2, 8, 8, 3}, 1), Error);
    }
}

} // namespace heat::nets
