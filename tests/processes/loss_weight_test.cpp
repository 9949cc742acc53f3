#include "engine/ops/loss.h"
#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/loss_weight.h"
#include "processes/schedule.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {
constexpr Prediction predictions[] = {Prediction::epsilon, Prediction::x0, Prediction::v};
} // namespace

TEST_CASE("loss weights: min-SNR, P2 and the bound's in the forms of their papers") {
    const int steps = 30;
    const Doubles betas = linear_betas(steps, 1e-3, 0.2);
    const DiagonalTables tables = variance_preserving_tables(log_alpha_bars(betas));
    const auto weights = [&](LossWeightKind kind, Prediction prediction, double gamma = 5, double k = 1,
                             Variance variance = Variance::small) {
        return loss_weights(tables, prediction, variance, {kind, gamma, k});
    };
    double alpha_bar = 1;
    Doubles posterior_variances{0};
    for (int t = 1; t <= steps; ++t) {
        const double before = alpha_bar;
        alpha_bar *= 1 - betas[size_t(t)];
        posterior_variances.push_back((1 - before) / (1 - alpha_bar) * betas[size_t(t)]);
    }
    alpha_bar = 1;
    for (int t = 1; t <= steps; ++t) {
        CAPTURE(t);
        const auto n = size_t(t);
        const double beta = betas[n];
        alpha_bar *= 1 - beta;
        const double snr = alpha_bar / (1 - alpha_bar);
        for (const Prediction prediction : predictions)
            CHECK(weights(LossWeightKind::uniform, prediction)[n] == 1.0);
        // Hang et al. 2023, §3.4: min(SNR, γ) for x_0, min(SNR, γ)/SNR for ε, min(SNR, γ)/(SNR + 1) for v.
        CHECK(weights(LossWeightKind::min_snr, Prediction::x0)[n] == doctest::Approx(std::min(snr, 5.0)));
        CHECK(weights(LossWeightKind::min_snr, Prediction::epsilon)[n] ==
              doctest::Approx(std::min(snr, 5.0) / snr));
        CHECK(weights(LossWeightKind::min_snr, Prediction::v, 2)[n] ==
              doctest::Approx(std::min(snr, 2.0) / (snr + 1)));
        // Choi et al. 2022: 1/(k + SNR)^γ of the loss of ε.
        CHECK(weights(LossWeightKind::p2, Prediction::epsilon, 0.5, 2)[n] ==
              doctest::Approx(1 / std::pow(2 + snr, 0.5)));
        CHECK(weights(LossWeightKind::p2, Prediction::x0, 1, 1)[n] == doctest::Approx(snr / (1 + snr)));
        CHECK(weights(LossWeightKind::p2, Prediction::v, 1, 1)[n] ==
              doctest::Approx(snr / (1 + snr) / (1 + snr)));
        // Ho et al. 2020, eq. 12: β²/(2σ²α(1 − ᾱ)) of ε.
        const double small = posterior_variances[std::max<size_t>(n, 2)];
        const auto of_epsilon = [&](double variance) {
            return beta * beta / (2 * variance * (1 - beta) * (1 - alpha_bar));
        };
        CHECK(weights(LossWeightKind::vlb, Prediction::epsilon)[n] == doctest::Approx(of_epsilon(small)));
        CHECK(weights(LossWeightKind::vlb, Prediction::epsilon, 5, 1, Variance::large)[n] ==
              doctest::Approx(of_epsilon(beta)));
        CHECK(weights(LossWeightKind::vlb, Prediction::x0)[n] == doctest::Approx(of_epsilon(small) * snr));
        CHECK(weights(LossWeightKind::vlb, Prediction::v)[n] ==
              doctest::Approx(of_epsilon(small) * snr / (1 + snr)));
        // Kingma et al. 2021: half of what the signal-to-noise ratio falls by, for x_0.
        if (t > 1)
            CHECK(weights(LossWeightKind::vlb, Prediction::x0)[n] ==
                  doctest::Approx(0.5 * (std::exp(tables.log_snr(t - 1, 0)) - snr)));
    }
}

TEST_CASE("loss weights: one objective whatever is predicted") {
    // The same û_0 and u_t: errors of ε, x_0 and v times their weights are equal, for tables of any norm.
    const DiagonalTables tables(2, 1, {0, -0.4, -1.3}, {-INFINITY, -1.1, 0.6});
    const double u_0 = 0.4, guess = 0.1;
    for (const auto kind : {LossWeightKind::min_snr, LossWeightKind::p2, LossWeightKind::vlb})
        for (int t = 1; t <= 2; ++t) {
            Doubles losses;
            for (const Prediction prediction : predictions) {
                const CleanCoefficients clean = clean_coefficients(tables, prediction, t, 0);
                const double error = (u_0 - guess) / clean.output; // of the network's output
                losses.push_back(
                    loss_weights(tables, prediction, Variance::small, {kind, 0.7, 1})[size_t(t)] * error *
                    error);
            }
            CHECK(losses[0] == doctest::Approx(losses[1]));
            CHECK(losses[2] == doctest::Approx(losses[1]));
        }
}

TEST_CASE("loss weights: they reach the training batch, its loss and the gradient") {
    const Shape shape{50, 4, 3, 1};
    RandomState random(9, Device::cpu);
    const Tensor images = normal(random, shape, Purpose::augmentation);
    for (const char* kind : {"ddpm", "hdm", "blurring"}) {
        CAPTURE(kind);
        ProcessConfig config;
        config.kind = kind;
        config.steps = 10;
        config.beta_end = 0.3;
        config.prediction = "v";
        config.loss_weight = "min-snr";
        config.loss_gamma = 0.8;
        const auto process = make_process(config, {4, 3, 1}, Device::cpu);
        const TrainingBatch batch = process->training_batch(images, random, 0);
        REQUIRE(batch.weight.defined());
        const std::vector<TableColumn> columns = process->tables();
        REQUIRE(columns.back().name == "loss_weight");
        const std::vector<int32_t> levels = to_integers(batch.levels);
        const Doubles weights = to_doubles(batch.weight);
        for (size_t i = 0; i < levels.size(); ++i)
            CHECK(weights[i] == doctest::Approx(columns.back().values[size_t(levels[i])]));
        CHECK(weights != Doubles(50, weights[0]));
        if (std::string(kind) == "ddpm")
            for (int t = 1; t <= 10; ++t) {
                const double snr = columns[3].values[size_t(t)];
                CHECK(columns.back().values[size_t(t)] == doctest::Approx(std::min(snr, 0.8) / (1 + snr)));
            }

        Tape tape;
        const Variable output(Tensor::zeros(shape, Dtype::f32, Device::cpu), true);
        const BatchLoss error = weighted_error(batch.loss, output, batch.target, batch.weight, batch.scale);
        const Doubles target = to_doubles(batch.target);
        double loss = 0;
        for (size_t e = 0; e < target.size(); ++e) loss += weights[e / 12] * target[e] * target[e] / 600;
        CHECK(error.loss.value().to_host()[0] == doctest::Approx(loss).epsilon(1e-5));
        tape.backward(error.loss);
        const Doubles gradient = to_doubles(output.gradient());
        for (size_t e = 0; e < target.size(); e += 7)
            CHECK(gradient[e] == doctest::Approx(-2 * weights[e / 12] * target[e] / 600).epsilon(1e-4));
    }
    const Ddpm plain({4, 3, 1}, linear_betas(10, 1e-3, 0.3), Prediction::v, Variance::small, Device::cpu);
    CHECK_FALSE(plain.training_batch(images, random, 0).weight.defined());
}

TEST_CASE("loss weights: what has none is refused with what it takes") {
    const auto refusal = [](const char* kind, const char* weight) {
        ProcessConfig config;
        config.kind = kind;
        config.steps = 10;
        config.loss_weight = weight;
        return error_of([&] { make_process(config, {4, 4, 1}, Device::cpu); });
    };
    CHECK(refusal("ihdm", "min-snr").find("choose uniform") != std::string::npos);
    CHECK(refusal("cold", "p2").find("choose uniform") != std::string::npos);
    CHECK(refusal("hdm", "vlb").find("choose min-snr, p2 or uniform") != std::string::npos);
    CHECK(refusal("blurring", "vlb").find("choose min-snr, p2 or uniform") != std::string::npos);
    CHECK(refusal("ddpm", "snr").find("expected uniform, min-snr, p2 or vlb") != std::string::npos);
    const DiagonalTables one = variance_preserving_tables({0.0, -1.0});
    CHECK_THROWS_AS(loss_weights(one, Prediction::v, Variance::small, {LossWeightKind::vlb, 5, 1}), Error);
    CHECK_THROWS_AS(loss_weights(one, Prediction::v, Variance::small, {LossWeightKind::p2, 0, 1}), Error);
}

TEST_SUITE_END();
