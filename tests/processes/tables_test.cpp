#include "golden_json.h"
#include "processes/ddpm.h"
#include "processes/schedule.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

#include <random>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Doubles betas_of(const std::string& golden_name, int steps) {
    return golden_name == "linear" ? linear_betas(steps, 1e-4, 0.02) : cosine_betas(steps);
}

double relative(double value, double expected) {
    return std::abs(value - expected) / std::abs(expected);
}

/// Tables of `width` random Markov chains u_i = factor_i u_{i−1} + noise_i ε_i, and the chains themselves.
struct RandomChains {
    int levels, width;
    Doubles factors, noises; ///< levels × width, for i = 1..levels

    RandomChains(int levels_, int width_, unsigned seed) : levels(levels_), width(width_) {
        std::mt19937 random(seed);
        std::uniform_real_distribution<double> factor(0.3, 1.2), noise(0.01, 0.9);
        for (int i = 0; i < levels * width; ++i) {
            factors.push_back(factor(random));
            noises.push_back(noise(random));
        }
    }

    /// u_t as a linear function of (u_0, ε_1..ε_levels).
    Doubles state(int t, int p) const {
        Doubles weights(size_t(levels) + 1, 0.0);
        weights[0] = 1;
        for (int i = 1; i <= t; ++i) {
            const auto at = size_t(i - 1) * size_t(width) + size_t(p);
            for (double& weight : weights) weight *= factors[at];
            weights[size_t(i)] = noises[at];
        }
        return weights;
    }

    DiagonalTables tables() const {
        Doubles log_a, log_s;
        for (int t = 0; t <= levels; ++t)
            for (int p = 0; p < width; ++p) {
                const Doubles weights = state(t, p);
                log_a.push_back(std::log(weights[0]));
                log_s.push_back(0.5 * std::log(covariance(weights, weights)));
            }
        return DiagonalTables(levels, width, log_a, log_s);
    }

    static double covariance(const Doubles& x, const Doubles& y) {
        double sum = 0;
        for (size_t i = 1; i < x.size(); ++i) sum += x[i] * y[i];
        return sum;
    }
};

} // namespace

TEST_CASE("DDPM tables follow the textbook") {
    const int steps = 1000;
    for (const bool linear : {true, false}) {
        CAPTURE(linear);
        const Doubles betas = linear ? linear_betas(steps, 1e-4, 0.02) : cosine_betas(steps);
        const Ddpm process({2, 2, 1}, betas, Prediction::epsilon, Variance::small, Device::cpu);
        const std::vector<TableColumn> columns = process.tables();
        REQUIRE(columns.size() == 4);
        CHECK(columns[0].name == "alpha_bar");
        CHECK(columns[0].values[0] == 1.0);
        CHECK(columns[2].values[1] == 0.0);
        double alpha_bar = 1, worst = 0;
        for (size_t n = 1; n <= size_t(steps); ++n) {
            const double before = alpha_bar;
            double beta = 1e-4 + (0.02 - 1e-4) * double(n - 1) / (steps - 1);
            if (!linear) {
                const auto f = [&](double i) {
                    return std::pow(std::cos((i / steps + 0.008) / 1.008 * std::numbers::pi / 2), 2);
                };
                beta = std::min(1 - f(double(n)) / f(double(n - 1)), 0.999);
            }
            alpha_bar *= 1 - beta;
            worst = std::max({worst, relative(columns[0].values[n], alpha_bar),
                              relative(columns[1].values[n], beta),
                              relative(columns[3].values[n], alpha_bar / (1 - alpha_bar))});
            if (n > 1)
                worst =
                    std::max(worst, relative(columns[2].values[n], beta * (1 - before) / (1 - alpha_bar)));
        }
        CHECK(worst < 1e-11);
    }
    CHECK(cosine_betas(steps).back() == 0.999);
}

TEST_CASE("DDPM tables agree with diffusers in float64") {
    const nlohmann::json document = golden_json("ddpm_tables.json");
    for (const auto& item : document["tables"].items()) {
        const std::string& name = item.key();
        const nlohmann::json& table = item.value();
        CAPTURE(name);
        const Ddpm process({1, 1, 1}, betas_of(name, table["train_timesteps"]), Prediction::epsilon,
                           Variance::small, Device::cpu);
        const std::vector<TableColumn> columns = process.tables();
        for (size_t i = 0; i < table["timesteps"].size(); ++i) {
            const size_t n = table["timesteps"][i].get<size_t>() + 1; // diffusers counts from 0
            CAPTURE(n);
            CHECK(relative(columns[0].values[n], table["alphas_cumprod"][i]) < 1e-11);
            CHECK(relative(columns[1].values[n], table["betas"][i]) < 1e-11);
            // diffusers keeps the variance above 1e-20, for its logarithm
            CHECK(relative(std::max(columns[2].values[n], 1e-20),
                           table["posterior_variance_fixed_small"][i]) < 1e-10);
            CHECK(relative(transition(process.model().tables, int(n) - 1, int(n), 0).variance,
                           table["posterior_variance_fixed_large"][i]) < 1e-10);
        }
    }
}

TEST_CASE("transitions and posteriors are Gaussian conditioning, skips included") {
    const RandomChains chains(7, 5, 1);
    const DiagonalTables tables = chains.tables();
    REQUIRE(is_markov(tables));
    double worst = 0;
    const auto compare = [&](double value, double expected) {
        worst = std::max(worst, std::abs(value - expected));
    };
    for (int p = 0; p < chains.width; ++p)
        for (int t = 1; t <= chains.levels; ++t)
            for (int s = 0; s < t; ++s) {
                const Doubles u_s = chains.state(s, p), u_t = chains.state(t, p);
                const double var_s = RandomChains::covariance(u_s, u_s),
                             var_t = RandomChains::covariance(u_t, u_t);
                const double cov = RandomChains::covariance(u_s, u_t);

                const Transition forward = transition(tables, s, t, p);
                double product = 1;
                for (int i = s; i < t; ++i)
                    product *= chains.factors[size_t(i) * size_t(chains.width) + size_t(p)];
                compare(forward.a, product);
                compare(forward.variance, var_t - product * product * var_s);

                // u_s | u_t, u_0: mean a_s u_0 + cov/var_t (u_t − a_t u_0)
                const Posterior reverse = posterior(tables, s, t, p);
                compare(reverse.state, cov / var_t);
                compare(reverse.clean, u_s[0] - cov / var_t * u_t[0]);
                compare(reverse.variance, var_s - cov * cov / var_t);
            }
    CHECK(worst < 1e-13);
}

TEST_CASE("solver steps: exact for exact predictions, alike where they must be") {
    const RandomChains chains(6, 4, 2);
    std::vector<DiagonalTables> members{
        chains.tables(), variance_preserving_tables(log_alpha_bars(linear_betas(6, 0.05, 0.4)))};
    for (const DiagonalTables& tables : members)
        for (const auto prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
            CAPTURE(name_of(prediction));
            for (int p = 0; p < tables.width(); ++p)
                for (int t = 1; t <= tables.levels(); ++t)
                    for (int s = 0; s < t; ++s) {
                        const double u_0 = 0.7, noise = -1.3;
                        const double a = tables.a(t, p), sigma = tables.s(t, p);
                        const double u_t = a * u_0 + sigma * noise;
                        const double output = prediction == Prediction::epsilon ? noise
                                              : prediction == Prediction::x0
                                                  ? u_0
                                                  : (a * noise - sigma * u_0) / std::hypot(a, sigma);
                        const CleanCoefficients clean = clean_coefficients(tables, prediction, t, p);
                        CHECK(clean.state * u_t + clean.output * output ==
                              doctest::Approx(u_0).epsilon(1e-12));
                        const Posterior exact = posterior(tables, s, t, p);
                        for (const bool clip : {false, true}) {
                            const auto mean = [&](const StepCoefficients& step) {
                                if (!clip) CHECK(step.clean == 0.0);
                                return step.state * u_t + step.output * output + step.clean * u_0;
                            };
                            StepSettings settings{DiagonalSolver::ddim, prediction, Variance::small, 0.0,
                                                  clip};
                            const StepCoefficients ddim = step_coefficients(tables, settings, s, t, p);
                            CHECK(mean(ddim) == doctest::Approx(tables.a(s, p) * u_0 + tables.s(s, p) * noise)
                                                    .epsilon(1e-12));
                            CHECK(ddim.noise == 0.0);
                            if (clip) { // with another û_0, and the ε̂ that agrees with it
                                settings.clipped_noise = true;
                                const StepCoefficients anew = step_coefficients(tables, settings, s, t, p);
                                const double limited = 0.5 * u_0, agreeing = (u_t - a * limited) / sigma;
                                CHECK(anew.output == 0.0);
                                CHECK(anew.state * u_t + anew.clean * limited ==
                                      doctest::Approx(tables.a(s, p) * limited + tables.s(s, p) * agreeing)
                                          .epsilon(1e-12));
                                settings.clipped_noise = false;
                            }

                            settings.eta = 1;
                            const StepCoefficients stochastic = step_coefficients(tables, settings, s, t, p);
                            settings.solver = DiagonalSolver::ancestral;
                            const StepCoefficients ancestral = step_coefficients(tables, settings, s, t, p);
                            CHECK(mean(ancestral) ==
                                  doctest::Approx(exact.state * u_t + exact.clean * u_0).epsilon(1e-12));
                            CHECK(ancestral.noise ==
                                  doctest::Approx(s ? std::sqrt(exact.variance) : 0.0).epsilon(1e-12));
                            CHECK(stochastic.noise == doctest::Approx(ancestral.noise).epsilon(1e-12));
                            if (!clip) {
                                CHECK(stochastic.state == doctest::Approx(ancestral.state).epsilon(1e-11));
                                CHECK(stochastic.output == doctest::Approx(ancestral.output).epsilon(1e-11));
                            }

                            settings.variance = Variance::large;
                            const double large = std::sqrt(transition(tables, s, t, p).variance);
                            CHECK(step_coefficients(tables, settings, s, t, p).noise ==
                                  doctest::Approx(s ? large : 0.0).epsilon(1e-12));
                        }
                    }
        }
}

TEST_CASE("a step stays finite where a_t has left the range of double") {
    // a falls to e^-2000: û_0 cannot be formed, a_s/a_t can.
    const DiagonalTables tables(2, 1, {0.0, -1999.0, -2000.0}, {-INFINITY, -1.0, -0.5});
    const StepSettings settings{DiagonalSolver::ancestral, Prediction::epsilon, Variance::small, 0, false};
    const StepCoefficients step = step_coefficients(tables, settings, 1, 2, 0);
    CHECK(step.state == doctest::Approx(std::exp(1.0)));
    CHECK(std::isfinite(step.output));
    CHECK(step.noise ==
          doctest::Approx(std::exp(-1.0) * std::sqrt(1 - std::exp(2 * (-2000 + 0.5) - 2 * (-1999 + 1.0)))));
    CHECK(std::isinf(clean_coefficients(tables, Prediction::epsilon, 2, 0).state));
}

TEST_CASE("levels visited agree with diffusers' timesteps") {
    const nlohmann::json document = golden_json("ddpm_tables.json");
    for (const nlohmann::json& entry : document["spacings"]) {
        const std::vector<int> levels =
            sampling_levels(entry["spacing"], entry["train_timesteps"], entry["steps"]);
        std::vector<int> timesteps;
        for (size_t i = 0; i + 1 < levels.size(); ++i) timesteps.push_back(levels[i] - 1);
        CHECK(timesteps == entry["timesteps"].get<std::vector<int>>());
        CHECK(levels.back() == 0);
    }
    for (const char* spacing : {"leading", "trailing", "linspace"})
        CHECK(sampling_levels(spacing, 5, 5) == std::vector<int>{5, 4, 3, 2, 1, 0});
    CHECK(error_of([] { sampling_levels("even", 10, 5); }).find("leading, trailing or linspace") !=
          std::string::npos);
    CHECK(error_of([] { sampling_levels("leading", 10, 11); }).find("1 to 10") != std::string::npos);
}

TEST_CASE("trajectories agree with diffusers in float64") {
    const nlohmann::json document = golden_json("ddpm_tables.json");
    const auto noises = document["noises"].get<std::vector<Doubles>>();
    int compared = 0;
    for (const nlohmann::json& entry : document["trajectories"]) {
        // Options of diffusers that this project does not have: ᾱ_1 for data, and ε̂ formed anew from the
        // clipped image.
        if (!entry.value("set_alpha_to_one", true) || entry.contains("use_clipped_model_output")) continue;
        CAPTURE(entry["name"].get<std::string>());
        StepSettings settings;
        settings.solver = diagonal_solver_from_name(entry["solver"]);
        const std::string prediction = entry["prediction_type"];
        settings.prediction = prediction == "sample"         ? Prediction::x0
                              : prediction == "v_prediction" ? Prediction::v
                                                             : Prediction::epsilon;
        if (entry.value("variance_type", "") == "fixed_large") settings.variance = Variance::large;
        settings.eta = entry.value("eta", 0.0);
        settings.clip = entry["clip_sample"];
        const int train_steps = entry["train_timesteps"], steps = entry["steps"];
        const DiagonalTables tables =
            variance_preserving_tables(log_alpha_bars(betas_of(entry["beta_schedule"], train_steps)));
        const std::vector<int> levels = sampling_levels(entry["timestep_spacing"], train_steps, steps);

        Doubles state = document["initial_state"];
        double worst = 0;
        for (size_t i = 0; i + 1 < levels.size(); ++i) {
            const int t = levels[i], s = levels[i + 1];
            const Doubles output = golden_network(state, t - 1);
            const StepCoefficients step = step_coefficients(tables, settings, s, t, 0);
            const CleanCoefficients clean = clean_coefficients(tables, settings.prediction, t, 0);
            for (size_t e = 0; e < state.size(); ++e) {
                const double u_0 = std::clamp(clean.state * state[e] + clean.output * output[e], -1.0, 1.0);
                state[e] = step.state * state[e] + step.output * output[e] + step.clean * u_0 +
                           step.noise * noises[i][e];
            }
            const Doubles expected = entry["states"][i + 1];
            worst =
                std::max(worst, largest_difference(state, expected) / std::max(1.0, largest_value(expected)));
        }
        CHECK(worst < 1e-10);
        ++compared;
    }
    CHECK(compared >= 30);
}

TEST_CASE("schedules refuse what cannot be computed") {
    CHECK_THROWS_AS(linear_betas(0, 1e-4, 0.02), Error);
    CHECK_THROWS_AS(linear_betas(10, 0.02, 1e-4), Error);
    CHECK_THROWS_AS(linear_betas(10, 1e-4, 1.0), Error);
    CHECK_THROWS_AS(blur_sigmas(1, 0.5, 20), Error);
    CHECK_THROWS_AS(blur_sigmas(10, 0.5, 0.5), Error);
    CHECK(error_of([] { betas_from_name("sqrt", 10, 1e-4, 0.02); }).find("linear, scaled_linear") !=
          std::string::npos);
    CHECK_THROWS_AS(DiagonalTables(2, 1, {0, 0}, {0, 0}), Error);
}

TEST_SUITE_END();
