#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/learned_variance.h"
#include "processes/schedule.h"
#include "support.h"
#include "tests/reference/hybrid_loss.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

/// β_1..β_N, ᾱ_0..ᾱ_N and β̃ as the papers write them; β̃_1 is that of level 2.
struct Literal {
    Doubles betas, alpha_bars{1}, posterior_variances{0};

    explicit Literal(Doubles b) : betas(std::move(b)) {
        for (size_t t = 1; t < betas.size(); ++t) {
            alpha_bars.push_back(alpha_bars.back() * (1 - betas[t]));
            posterior_variances.push_back((1 - alpha_bars[t - 1]) / (1 - alpha_bars[t]) * betas[t]);
        }
        posterior_variances[1] = posterior_variances[2];
    }

    /// Ho et al. 2020, eq. 7.
    double posterior_mean(size_t t, double clean, double state) const {
        return std::sqrt(alpha_bars[t - 1]) * betas[t] / (1 - alpha_bars[t]) * clean +
               std::sqrt(1 - betas[t]) * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t]) * state;
    }

    double clean_estimate(Prediction prediction, size_t t, double state, double output) const {
        const double a = std::sqrt(alpha_bars[t]), s = std::sqrt(1 - alpha_bars[t]);
        return prediction == Prediction::epsilon ? (state - s * output) / a
               : prediction == Prediction::x0    ? output
                                                 : a * state - s * output;
    }
};

} // namespace

TEST_CASE("learned variance: the loss is Nichol and Dhariwal's, from the state, the image and the output") {
    const int levels = 4;
    const Literal literal(linear_betas(levels, 0.01, 0.2));
    const Shape shape{24, 3, 2, 2}, twice{24, 3, 2, 4};
    RandomState random(31, Device::cpu);
    Doubles clean = to_doubles(uniform(random, shape, Purpose::augmentation));
    for (double& value : clean) value = std::round(value * 255) / 127.5 - 1; // pixels
    clean[0] = -1;
    clean[13] = 1;
    const Tensor images = to_tensor(shape, clean), output = normal(random, twice, Purpose::dropout);
    const Doubles o = to_doubles(output);
    for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v})
        for (const auto kind : {LossWeightKind::uniform, LossWeightKind::min_snr}) {
            CAPTURE(name_of(prediction));
            CAPTURE(name_of(kind));
            const Ddpm process({3, 2, 2}, literal.betas, prediction, Variance::learned, Device::cpu,
                               {kind, 2, 1});
            const TrainingBatch batch = process.training_batch(images, random, 0);
            REQUIRE(batch.hybrid.defined());
            CHECK_FALSE(batch.weight.defined()); // the level's weight is that of the squared error alone
            const BatchLoss loss = hybrid_loss(Variable(output), batch.hybrid, batch.weight, batch.scale);
            const std::vector<int32_t> drawn = to_integers(batch.levels);
            const Doubles state = to_doubles(batch.input), target = to_doubles(batch.target);
            double total = 0;
            std::vector<int> seen(size_t(levels) + 1);
            for (size_t i = 0; i < 24; ++i) {
                const auto t = size_t(drawn[i]);
                ++seen[t];
                const double snr = literal.alpha_bars[t] / (1 - literal.alpha_bars[t]);
                const double weight = kind == LossWeightKind::uniform     ? 1
                                      : prediction == Prediction::epsilon ? std::min(snr, 2.0) / snr
                                      : prediction == Prediction::x0      ? std::min(snr, 2.0)
                                                                          : std::min(snr, 2.0) / (snr + 1);
                double squares = 0, bound = 0;
                for (size_t e = 0; e < 12; ++e) {
                    const size_t at = i * 12 + e, in_output = i * 24 + e / 2 * 4 + e % 2;
                    squares += std::pow(o[in_output] - target[at], 2) / 12;
                    const double fraction = (o[in_output + 2] + 1) / 2;
                    const double log_variance = fraction * std::log(literal.betas[t]) +
                                                (1 - fraction) * std::log(literal.posterior_variances[t]);
                    const double estimate = literal.clean_estimate(prediction, t, state[at], o[in_output]);
                    const double mean = literal.posterior_mean(t, estimate, state[at]);
                    bound += t == 1 ? reference::negative_log_likelihood(clean[at], mean, log_variance) / 12
                                    : reference::gaussian_divergence(
                                          literal.posterior_mean(t, clean[at], state[at]) - mean,
                                          std::log(literal.posterior_variances[t]), log_variance) /
                                          12;
                }
                const double expected = weight * squares + 0.001 * levels * bound / std::log(2.0);
                CHECK(double(loss.per_image.to_host()[i]) / 12 == doctest::Approx(expected).epsilon(2e-5));
                total += expected / 24;
            }
            for (size_t t = 1; t <= size_t(levels); ++t) CHECK(seen[t] > 0);
            CHECK(double(loss.loss.value().to_host()[0]) == doctest::Approx(total).epsilon(2e-5));
        }
}

TEST_CASE("learned variance: a schedule that ends in noise has it, other processes do not") {
    ProcessConfig config;
    config.variance = "learned";
    config.steps = 12;
    config.prediction = "v";
    config.zero_terminal_snr = true;
    CHECK_NOTHROW(make_process(config, {4, 4, 1}, Device::cpu));
    const auto refusal = [&] { return error_of([&] { make_process(config, {4, 4, 1}, Device::cpu); }); };
    config.loss_weight = "vlb";
    CHECK(refusal().find("choose uniform, min-snr or p2") != std::string::npos);
    config.loss_weight = "uniform";
    for (const char* kind : {"hdm", "blurring"}) {
        config.kind = kind;
        config.zero_terminal_snr = false;
        CHECK(refusal().find("a process in another basis takes small or large") != std::string::npos);
    }
    config.kind = "ddpm";
    config.steps = 1;
    CHECK(refusal().find("choose 2 or more") != std::string::npos);
}

TEST_SUITE_END();
