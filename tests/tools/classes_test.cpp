#include "engine/data/batch_loader.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/loss.h"
#include "processes/ddpm.h"
#include "processes/schedule.h"
#include "tests/engine/capture_stub.h"
#include "tests/processes/support.h"
#include "tools/classifier_gradient.h"
#include "tools/training_step.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace heat;
using namespace heat::tools;
using heat::processes::test::error_of;
using heat::processes::test::to_integers;
using heat::test::CaptureStub;

namespace {

nets::UNetConfig class_network(const std::string& kind) {
    nets::UNetConfig config;
    config.in_channels = config.out_channels = 1;
    config.channels = {8, 16};
    config.blocks = 1;
    config.groups = 4;
    config.attention_levels = {1};
    config.zero_initialize = false;
    config.classes = 3;
    config.kind = kind;
    config.null_class = kind == "unet";
    return config;
}

processes::Ddpm ddpm() {
    return processes::Ddpm({8, 8, 1}, processes::linear_betas(20, 1e-3, 0.2), processes::Prediction::epsilon,
                           processes::Variance::small, Device::cpu);
}

LabelledBatch batch_of(int64_t index) {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < 6; ++i) labels.push_back(int32_t((index + i) % 3));
    return {normal(RandomState(uint64_t(index), Device::cpu), Shape{6, 8, 8, 1}, Purpose::augmentation),
            Tensor::from_host(Shape{6}, labels, Device::cpu)};
}

struct Training {
    processes::Ddpm process = ddpm();
    ParameterStore store;
    nets::UNet network;
    RandomState random{5, Device::cpu};
    std::optional<Optimizer> optimizer;
    std::optional<TrainingStep> step;

    explicit Training(const nets::UNetConfig& config, double dropout, const GraphOptions& graphs = {})
        : network(config, store) {
        store.allocate(Device::cpu, 3);
        optimizer.emplace(store, OptimizerOptions{.learning_rate = 1e-3f});
        step.emplace(TrainingStep::Parts{.process = process,
                                         .network = network,
                                         .store = store,
                                         .dtype = Dtype::f32,
                                         .optimizer = *optimizer,
                                         .random = random,
                                         .accumulation = 1,
                                         .batch = batch_of,
                                         .label_dropout = dropout},
                     graphs);
    }
};

} // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("classes: a step trains on labels dropped to the null class, and on a classifier's entropy") {
    for (const std::string kind : {"unet", "classifier"}) {
        CAPTURE(kind);
        Training training(class_network(kind), kind == "unet" ? 0.5 : 0.0), by_hand(class_network(kind), 0.0);
        for (int update = 0; update < 3; ++update) {
            training.step->run();
            by_hand.random.set_step(uint32_t(update));
            const LabelledBatch batch = batch_of(update);
            const auto b = by_hand.process.training_batch(batch.images, by_hand.random, 0);
            Tape tape;
            nets::UNet::Pass pass{.dtype = Dtype::f32, .dropout = nullptr, .image_offset = 0, .labels = {}};
            if (kind == "classifier") {
                const Variable logits = by_hand.network.forward(Variable(b.input), b.timesteps, pass);
                CHECK(logits.shape() == Shape{6, 3});
                tape.backward(cross_entropy(logits, batch.labels, 1.f / 6));
            } else {
                pass.labels = with_label_dropout(batch.labels, 0.5, 3, by_hand.random, 0);
                const Variable output = by_hand.network.forward(Variable(b.input), b.timesteps, pass);
                tape.backward(squared_error(output, b.target, b.weight, b.scale).loss);
            }
            by_hand.optimizer->step();
        }
        CHECK(training.store.values().to_host() == by_hand.store.values().to_host());
    }
}

TEST_CASE("classes: a captured step finds its labels in device memory") {
    CaptureStub stub;
    Training captured(class_network("unet"), 0.3, {.wanted = true, .remark = {}, .calls = &stub}),
        eager(class_network("unet"), 0.3);
    for (int i = 0; i < GraphedWork::eager_runs + 1; ++i) {
        captured.step->run();
        eager.step->run();
    }
    CHECK(captured.step->captured());
    CHECK(captured.store.values().to_host() == eager.store.values().to_host());
}

TEST_CASE("classes: the gradient of a classifier's log p is that of finite differences") {
    ParameterStore store;
    const nets::UNet network(class_network("classifier"), store);
    store.allocate(Device::cpu, 1);
    const Tensor x = normal(RandomState(2, Device::cpu), Shape{2, 8, 8, 1}, Purpose::augmentation);
    const Tensor times = Tensor::from_host(Shape{2}, std::vector<float>{3.f, 11.f}, Device::cpu);
    const Tensor labels = Tensor::from_host(Shape{2}, std::vector<int32_t>{2, 0}, Device::cpu);
    ClassifierGradient classifier(network, Dtype::f32);
    const std::vector<float> gradient = classifier.gradient(x, times, labels).to_host();
    const auto log_p = [&](const std::vector<float>& values) {
        const NoGradient none;
        const Variable logits =
            network.forward(Variable(Tensor::from_host(x.shape(), values, Device::cpu)), times,
                            {.dtype = Dtype::f32, .dropout = nullptr, .image_offset = 0, .labels = {}});
        const std::vector<float> l = logits.value().to_host();
        double sum = 0;
        for (size_t i = 0; i < 2; ++i) {
            double total = 0;
            for (size_t k = 0; k < 3; ++k) total += std::exp(double(l[3 * i + k]));
            sum += double(l[3 * i + (i == 0 ? 2 : 0)]) - std::log(total);
        }
        return sum;
    };
    double error = 0, all = 0;
    for (size_t e = 0; e < gradient.size(); e += 5) {
        std::vector<float> above = x.to_host(), below = above;
        above[e] += 1e-2f;
        below[e] -= 1e-2f;
        const double expected = (log_p(above) - log_p(below)) / 2e-2;
        error += std::pow(double(gradient[e]) - expected, 2);
        all += expected * expected;
    }
    CHECK(all > 0);
    CHECK(error / all < 1e-5);
}

TEST_CASE("classes: batches bring the labels of their images, in any order of asking") {
    Dataset set{
        .count = 10, .height = 1, .width = 1, .channels = 1, .pixels = {}, .labels = {}, .description = {}};
    for (int i = 0; i < 10; ++i) {
        set.pixels.push_back(uint8_t(10 * i));
        set.labels.push_back(9 - i);
    }
    const MemoryImages images(set, "made", "nowhere");
    BatchLoader loader(images, batch_order(BatchSampler(1, 10, 4)), {.low = 0, .high = 255});
    for (const uint64_t index : {0, 1, 2, 7, 8, 0}) {
        const LabelledBatch batch = loader.labelled_batch(index, Device::cpu);
        const std::vector<float> pixels = batch.images.to_host();
        const std::vector<int32_t> labels = to_integers(batch.labels);
        for (size_t i = 0; i < 4; ++i) CHECK(labels[i] == 9 - int(pixels[i] / 10 + 0.5f));
    }
    set.labels.clear();
    const MemoryImages plain(set, "made", "nowhere");
    CHECK(!BatchLoader(plain, batch_order(BatchSampler(1, 10, 4)), {})
               .labelled_batch(0, Device::cpu)
               .labels.defined());
}

TEST_CASE("classes: labels that are missing or out of range are refused, and networks that cannot be") {
    CHECK(error_of([] { expect_labels({}, 10, "x"); }).starts_with("x: these images have no labels"));
    CHECK(error_of([] {
              expect_labels({0, 11}, 10, "x");
          }).find("expected at least 12") != std::string::npos);
    CHECK_NOTHROW(expect_labels({0, 9}, 10, "x"));
    const auto refused = [](auto change) {
        nets::UNetConfig config = class_network("unet");
        change(config);
        return error_of([&] { config.validate(); });
    };
    CHECK(refused([](auto& c) { c.kind = "classier"; }).find("unet or classifier") != std::string::npos);
    CHECK(refused([](auto& c) { c.kind = "classifier"; }).find("no null class") != std::string::npos);
    CHECK(refused([](auto& c) { c.classes = 0; }).find("needs classes") != std::string::npos);
    ParameterStore store;
    const nets::UNet network(class_network("unet"), store);
    store.allocate(Device::cpu, 1);
    const Tensor x = Tensor::zeros(Shape{1, 8, 8, 1}, Dtype::f32, Device::cpu);
    CHECK(error_of([&] {
              network.forward(Variable(x), Tensor::full(Shape{1}, 0, Device::cpu), {});
          }).find("give a label per image") != std::string::npos);
}

TEST_SUITE_END();
