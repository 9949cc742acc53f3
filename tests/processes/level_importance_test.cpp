#include "kernels/levels.h"
#include "processes/factory.h"
#include "processes/level_importance.h"
#include "support.h"
#include "tests/devices.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

TEST_CASE("level thresholds: shares are the probabilities, none is empty, weights keep the mean") {
    const Doubles p{0.5, 0.125, 0.25, 0.125};
    const std::vector<uint32_t> thresholds = level_thresholds(p);
    CHECK(thresholds == std::vector<uint32_t>{1u << 31, (1u << 31) + (1u << 29), 7u << 29});
    CHECK(level_weights(thresholds) == Doubles{0, 0.5, 2, 1, 2});
    for (const uint32_t word : {0u, 1u, (1u << 31) - 1, 1u << 31, (5u << 29) - 1, 5u << 29, 7u << 29, ~0u})
        CHECK(kernels::weighted_index(thresholds.data(), 4, word) ==
              uint32_t(word >= 1u << 31) + uint32_t(word >= 5u << 29) + uint32_t(word >= 7u << 29));
    CHECK(level_thresholds({0, 0, 1, 0}) == std::vector<uint32_t>{1, 2, ~0u});
    CHECK(level_thresholds({1}).empty());
    CHECK(kernels::weighted_index(nullptr, 1, ~0u) == 0);
    CHECK_THROWS_AS(level_distribution({0.5, 0.6}, Device::cpu), Error);
    CHECK_THROWS_AS(level_distribution({1.5, -0.5}, Device::cpu), Error);
}

TEST_CASE("level importance: uniform until every level has ten losses, then by their root mean square") {
    LevelImportance importance(3);
    const auto add = [&](int level, float loss) {
        const int32_t levels[] = {level};
        const float losses[] = {loss};
        importance.add(levels, losses);
    };
    for (int i = 0; i < 10; ++i) {
        add(1, float(i));
        add(2, 3.f);
        CHECK_FALSE(importance.ready());
        CHECK(importance.probabilities() == Doubles(3, 1.0 / 3));
    }
    for (int i = 0; i < 10; ++i) add(3, 1.f);
    REQUIRE(importance.ready());
    const auto expected = [](double a, double b, double c) {
        Doubles p;
        for (const double value : {a, b, c}) p.push_back(0.999 * value / (a + b + c) + 0.001 / 3);
        return p;
    };
    CHECK(largest_difference(importance.probabilities(), expected(std::sqrt(28.5), 3, 1)) <
          1e-12); // Σ i²/10, i < 10
    add(1, 10.f); // pushes out 0
    CHECK(largest_difference(importance.probabilities(), expected(std::sqrt(38.5), 3, 1)) < 1e-12);

    LevelImportance again(3), other(4);
    again.set_state(importance.state());
    CHECK(again.probabilities() == importance.probabilities());
    CHECK_THROWS_AS(other.set_state(importance.state()), Error);
    CHECK_THROWS_AS(again.set_state({}), Error);
    LevelImportance zero(1);
    const std::vector<int32_t> first(10, 1);
    zero.add(first, std::vector<float>(10, 0.f));
    CHECK(zero.probabilities() == Doubles{1});
}

TEST_CASE("level importance: batches draw by it, each image alone, with weights that make up for it") {
    ProcessConfig config;
    config.steps = 5;
    config.beta_end = 0.3;
    config.loss_weight = "p2";
    for (const Device device : heat::test::devices()) {
        const auto process = make_process(config, {1, 1, 1}, device),
                   plain = make_process(config, {1, 1, 1}, device);
        LevelImportance importance(5);
        for (int32_t level = 1; level <= 5; ++level)
            for (int i = 0; i < 10; ++i) {
                const float loss = float(level * level);
                importance.add({&level, 1}, {&loss, 1});
            }
        importance.apply_to(*process);
        const Doubles p = importance.probabilities();
        const int64_t count = 40000;
        const RandomState random(21, device);
        const Tensor images = Tensor::zeros(Shape{count, 1, 1, 1}, Dtype::f32, device);
        const TrainingBatch batch = process->training_batch(images, random, 7);
        const std::vector<int32_t> levels = to_integers(batch.levels.to(Device::cpu));
        const Doubles weights = to_doubles(batch.weight), of_loss = process->tables().back().values;
        Doubles histogram(5, 0.0);
        double mean = 0, worst = 0;
        for (size_t i = 0; i < levels.size(); ++i) {
            const auto n = size_t(levels[i]);
            histogram[n - 1] += 1;
            worst = std::max(worst, std::abs(weights[i] - of_loss[n] / (5 * p[n - 1])));
            mean += weights[i] / of_loss[n] / double(count);
        }
        CHECK(worst < 1e-5);
        double chi_square = 0;
        for (size_t n = 0; n < 5; ++n)
            chi_square += std::pow(histogram[n] - p[n] * double(count), 2) / (p[n] * double(count));
        CHECK(chi_square < 33); // 4 degrees of freedom: exceeded with probability 1e-6
        CHECK(mean ==
              doctest::Approx(1).epsilon(0.04)); // five standard errors: the variance is Σ 1/(25 p) − 1 = 2.2
        const TrainingBatch alone = process->training_batch(images.images(0, 1), random, 7 + 123);
        CHECK(to_integers(alone.levels.to(Device::cpu))[0] == levels[123]);
        // Back to the uniform distribution, bit by bit.
        process->set_level_distribution({});
        const TrainingBatch uniform = process->training_batch(images, random, 7),
                            expected = plain->training_batch(images, random, 7);
        CHECK(to_integers(uniform.levels.to(Device::cpu)) == to_integers(expected.levels.to(Device::cpu)));
        CHECK(to_doubles(uniform.weight) == to_doubles(expected.weight));
    }
}

TEST_SUITE_END();
