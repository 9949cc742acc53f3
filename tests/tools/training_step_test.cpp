#include "engine/ops/loss.h"
#include "kernels/math_mode.h"
#include "nets/unet.h"
#include "processes/ddpm.h"
#include "processes/heat_dissipation.h"
#include "processes/schedule.h"
#include "tests/devices.h"
#include "tests/engine/capture_stub.h"
#include "tools/training_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

using namespace heat;
using namespace heat::tools;
using heat::test::CaptureStub;
using heat::test::devices;

namespace {

constexpr processes::ImageSize size{8, 8, 1};

nets::UNetConfig small_network() {
    nets::UNetConfig config;
    config.in_channels = config.out_channels = 1;
    config.channels = {8, 16};
    config.blocks = 1;
    config.groups = 4;
    config.attention_levels = {1};
    config.dropout = 0.1f;
    config.zero_initialize = false;
    return config;
}

std::unique_ptr<processes::Process> ddpm(Device device) {
    return std::make_unique<processes::Ddpm>(size, processes::linear_betas(20, 1e-3, 0.2),
                                             processes::Prediction::epsilon, processes::Variance::small,
                                             device);
}

/// A network under training on images that depend on the index of their batch alone.
struct Training {
    Device device;
    std::unique_ptr<processes::Process> process;
    ParameterStore store;
    nets::UNet network{small_network(), store};
    std::optional<Optimizer> optimizer;
    RandomState random;
    int64_t images = 6;
    std::optional<TrainingStep> step;

    Training(Device on, Dtype dtype, int accumulation, const GraphOptions& graphs,
             std::unique_ptr<processes::Process> p)
        : device(on), process(std::move(p)), random(5, on) {
        store.allocate(on, 3);
        optimizer.emplace(
            store, OptimizerOptions{.learning_rate = 1e-3f, .warm_up = 3, .accumulation = accumulation});
        step.emplace(TrainingStep::Parts{*process, network, store, dtype, *optimizer, random, accumulation,
                                         [this](int64_t index) { return batch(index); }},
                     graphs);
    }
    Tensor batch(int64_t index) const {
        return normal(RandomState(uint64_t(index), device), Shape{images, 8, 8, 1}, Purpose::augmentation);
    }
    void run(int updates) {
        for (int i = 0; i < updates; ++i) step->run();
    }
};

} // namespace

TEST_SUITE("engine") {

    TEST_CASE("training step: updates are those of the ops called by hand") {
        Training training(Device::cpu, Dtype::f32, 2, {}, ddpm(Device::cpu)),
            by_hand(Device::cpu, Dtype::f32, 2, {}, ddpm(Device::cpu));
        double sum = 0;
        for (int update = 0; update < 3; ++update) {
            training.step->run();
            float loss = 0;
            for (int i = 0; i < 2; ++i) {
                by_hand.random.set_step(uint32_t(2 * update + i));
                const auto b =
                    by_hand.process->training_batch(by_hand.batch(2 * update + i), by_hand.random, 0);
                Tape tape;
                const Variable output = by_hand.network.forward(
                    Variable(b.input), b.timesteps,
                    {.dtype = Dtype::f32, .dropout = &by_hand.random, .image_offset = 0, .labels = {}});
                const BatchLoss error = squared_error(output, b.target, b.weight, b.scale);
                tape.backward(error.loss);
                loss += error.loss.value().to_host()[0] / 2.f;
            }
            by_hand.optimizer->step();
            sum += loss;
            CHECK(training.step->losses().read().last_loss == loss);
        }
        CHECK(training.step->losses().read().sum == sum);
        CHECK(training.step->losses().read().count == 3);
        CHECK(training.store.values().to_host() == by_hand.store.values().to_host());
        CHECK(training.optimizer->ema().to_host() == by_hand.optimizer->ema().to_host());
    }

    TEST_CASE("training step: a steady update asks the system for no memory and keeps none") {
        for (const Device device : devices()) {
            CAPTURE(name_of(device));
            Training training(device, Dtype::bf16, 2, {}, ddpm(device));
            training.run(4);
            (void)training.step->losses().read();
            const MemoryStatistics before = memory_statistics(device);
            training.run(3);
            (void)training.step->losses().read();
            CHECK(memory_statistics(device).allocations == before.allocations);
            CHECK(memory_statistics(device).in_use == before.in_use);
        }
    }

    TEST_CASE("training step: what a captured pass allocates stays with its graph") {
        for (const bool blur : {false, true}) {
            const auto process = [&]() -> std::unique_ptr<processes::Process> {
                if (!blur) return ddpm(Device::cpu);
                return std::make_unique<processes::HeatDissipation>(
                    size, processes::HeatDissipationSettings{.steps = 8, .sigma_max = 4}, Device::cpu);
            };
            CaptureStub stub;
            std::string remarks;
            const GraphOptions graphs{
                .wanted = true, .remark = [&](const std::string& r) { remarks += r; }, .calls = &stub};
            Training captured(Device::cpu, Dtype::bf16, 1, graphs, process()),
                eager(Device::cpu, Dtype::bf16, 1, {}, process());
            // As many as the stub, which executes what it records and launches nothing, has right.
            const int updates = GraphedWork::eager_runs + 1;
            captured.run(updates);
            eager.run(updates);
            CHECK(remarks == "");
            CHECK(captured.step->captured());
            CHECK(stub.log == "begin end launch1 begin end launch2 ");
            CHECK(captured.store.values().to_host() == eager.store.values().to_host());
            CHECK(captured.step->losses().read().sum == eager.step->losses().read().sum);
            captured.images = 4; // another shape: eager again
            captured.step->run();
            CHECK(stub.log == "begin end launch1 begin end launch2 destroy1 launch2 ");
        }
    }

    TEST_CASE(
        "training step: importance learns the loss of each image, without the weight it was drawn with") {
        Training training(Device::cpu, Dtype::f32, 1, {}, ddpm(Device::cpu)),
            by_hand(Device::cpu, Dtype::f32, 1, {}, ddpm(Device::cpu));
        processes::LevelImportance importance(20);
        for (int32_t level = 1; level <= 20; ++level)
            for (int i = 0; i < processes::LevelImportance::history; ++i) {
                const float loss = level == 3 ? 90.f : 1.f;
                importance.add({&level, 1}, {&loss, 1});
            }
        importance.apply_to(*training.process);
        importance.apply_to(*by_hand.process);
        TrainingStep step({.process = *training.process,
                           .network = training.network,
                           .store = training.store,
                           .dtype = Dtype::f32,
                           .optimizer = *training.optimizer,
                           .random = training.random,
                           .batch = [&](int64_t index) { return training.batch(index); },
                           .importance = &importance});
        step.run();

        by_hand.random.set_step(0);
        const auto b = by_hand.process->training_batch(by_hand.batch(0), by_hand.random, 0);
        const Variable output = by_hand.network.forward(
            Variable(b.input), b.timesteps,
            {.dtype = Dtype::f32, .dropout = &by_hand.random, .image_offset = 0, .labels = {}});
        const BatchLoss error = squared_error(output, b.target, b.weight, b.scale);
        CHECK(step.losses().read().last_loss == error.loss.value().to_host()[0]);
        const int32_t* levels = b.levels.data<int32_t>();
        const std::vector<float> squares = error.per_image.to_host(), weights = b.weight.to_host(),
                                 learned = importance.state().at("losses").to_host();
        std::vector<float> last(20, 0.f);
        for (size_t i = 0; i < 6; ++i) {
            last[size_t(levels[i] - 1)] = squares[i] / 64;
            CHECK(weights[i] ==
                  doctest::Approx(levels[i] == 3 ? 1 / (20 * 0.999 * 90 / 109) : 109 / 20.).epsilon(0.02));
        }
        int drawn = 0;
        for (size_t level = 0; level < 20; ++level) {
            if (last[level] == 0.f) continue;
            ++drawn;
            CHECK(learned[10 * level + 9] == doctest::Approx(last[level]).epsilon(1e-5));
        }
        CHECK(drawn > 0);
        // The next batch is drawn by what was learned.
        processes::LevelImportance now(20);
        now.set_state(importance.state());
        now.apply_to(*by_hand.process);
        CHECK(by_hand.process->level_weights() == training.process->level_weights());
    }

    TEST_CASE("training step: the first loss that is not finite is remembered with its step") {
        for (const Device device : devices()) {
            CAPTURE(name_of(device));
            Training training(device, Dtype::f32, 1, {}, ddpm(device));
            training.run(4);
            std::vector<float> values = training.store.values().to_host();
            values[0] = std::numeric_limits<float>::quiet_NaN();
            training.store.values().copy_from_host(values.data(), std::ssize(values));
            training.store.values_changed();
            const std::vector<float> ema = training.optimizer->ema().to_host();
            training.run(3);
            const kernels::LossTotals totals = training.step->losses().read();
            CHECK(totals.bad_loss_step == 5);
            CHECK(std::isnan(totals.bad_loss));
            CHECK(totals.bad_norm_step == (device == Device::cpu ? 0 : 5));
            // A card, which is asked seldom, leaves the weights alone from there on.
            CHECK((training.optimizer->ema().to_host() == ema) == (device == Device::cuda));
        }
    }

    TEST_CASE("training step on a GPU: with and without graphs to the same bits") {
        const kernels::MathMode usual = kernels::math_mode();
        kernels::set_math_mode({.tf32 = usual.tf32, .deterministic = true});
        for (const Device device : devices()) {
            if (device == Device::cpu) continue;
            for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
                for (const int accumulation : {1, 3}) {
                    std::string remarks;
                    Training graphs(
                        device, dtype, accumulation,
                        {.wanted = true, .remark = [&](const std::string&r) { remarks += r; }, .calls = {}},
                        ddpm(device)),
                        eager(device, dtype, accumulation, {.wanted = false, .remark = {}, .calls = {}},
                              ddpm(device));
                    graphs.run(7);
                    eager.run(7);
                    CHECK(remarks == "");
                    CHECK(graphs.step->captured());
                    CHECK_FALSE(eager.step->captured());
                    CHECK(graphs.store.values().to_host() == eager.store.values().to_host());
                    CHECK(graphs.optimizer->ema().to_host() == eager.optimizer->ema().to_host());
                    CHECK(graphs.step->losses().read().sum == eager.step->losses().read().sum);
                }
        }
        kernels::set_math_mode(usual);
    }
}
