#include "golden_json.h"
#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/schedule.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Doubles golden_betas(const nlohmann::json& entry, bool rescale) {
    const std::string theirs = entry["beta_schedule"];
    const Doubles betas = betas_from_name(theirs == "squaredcos_cap_v2" ? "cosine" : theirs,
                                          entry["train_timesteps"], 1e-4, 0.02);
    return rescale ? rescaled_to_zero_terminal_snr(betas) : betas;
}

} // namespace

TEST_CASE("schedules: sigmoid, Laplace and zero terminal SNR are those of diffusers") {
    const nlohmann::json document = golden_json("schedules.json");
    for (const nlohmann::json& table : document["tables"]) {
        CAPTURE(table["beta_schedule"].get<std::string>());
        CAPTURE(table["rescale_betas_zero_snr"].get<bool>());
        const Doubles betas = golden_betas(table, table["rescale_betas_zero_snr"]);
        const Doubles logs = log_alpha_bars(betas);
        // The package's float32: the last √ᾱ of a rescaled schedule are small differences.
        const double tolerance = table["rescale_betas_zero_snr"].get<bool>() ? 3e-6 : 1e-6;
        for (size_t i = 0; i < table["timesteps"].size(); ++i) {
            const size_t n = table["timesteps"][i].get<size_t>() + 1;
            CAPTURE(n);
            CHECK(std::abs(betas[n] - table["betas"][i].get<double>()) < tolerance);
            CHECK(std::abs(std::exp(logs[n]) - table["alphas_cumprod"][i].get<double>()) < 1e-6);
        }
    }
}

TEST_CASE("schedules: their literal forms") {
    const int steps = 40;
    const Doubles sigmoid = sigmoid_betas(steps, 1e-3, 0.05);
    for (int n = 1; n <= steps; ++n) {
        const double x = -6 + 12.0 * (n - 1) / (steps - 1);
        CHECK(sigmoid[size_t(n)] == doctest::Approx(std::exp(x) / (std::exp(x) + 1) * (0.05 - 1e-3) + 1e-3));
    }
    CHECK(sigmoid[0] == 0.0);
    // Until the cap, ᾱ_n² = SNR/(1 + SNR) up to level 0's, with log SNR the quantile of a Laplace
    // distribution.
    const Doubles logs = log_alpha_bars(laplace_betas(steps));
    const auto quantile = [](double u) { // Hang et al. 2024, μ = 0, b = ½
        return -0.5 * (u < 0.5 ? 1 : -1) * std::log(1 - 2 * std::abs(0.5 - u));
    };
    const double first = std::sqrt(1 / (1 + 1e-3));
    for (int n = 1; n < steps; ++n) {
        const double root = std::exp(logs[size_t(n)]) * first, snr = root * root / (1 - root * root);
        CHECK(std::log(snr) == doctest::Approx(quantile(double(n) / steps)).epsilon(1e-4));
    }
    // Lin et al. 2023: √ᾱ' = (√ᾱ − √ᾱ_N) √ᾱ_1/(√ᾱ_1 − √ᾱ_N).
    const Doubles betas = linear_betas(steps, 1e-3, 0.1), rescaled = rescaled_to_zero_terminal_snr(betas);
    const Doubles before = log_alpha_bars(betas), after = log_alpha_bars(rescaled);
    const auto root = [&](int n) { return std::exp(before[size_t(n)] / 2); };
    for (int n = 1; n <= steps; ++n)
        CHECK(std::exp(after[size_t(n)] / 2) ==
              doctest::Approx((root(n) - root(steps)) * root(1) / (root(1) - root(steps))));
    CHECK(rescaled.back() == 1.0);
    CHECK(after.back() == -INFINITY);
    CHECK(error_of([&] { rescaled_to_zero_terminal_snr({0, 0.5}); }).find("at least 2") != std::string::npos);
    CHECK(error_of([&] { rescaled_to_zero_terminal_snr({0, 0.5, 0}); }).find("to fall") != std::string::npos);
}

TEST_CASE("zero terminal SNR: trajectories agree with diffusers in float64") {
    const nlohmann::json document = golden_json("schedules.json");
    const auto noises = document["noises"].get<std::vector<Doubles>>();
    for (const nlohmann::json& entry : document["trajectories"]) {
        CAPTURE(entry.dump().substr(0, 160));
        StepSettings settings;
        settings.solver = diagonal_solver_from_name(entry["solver"]);
        settings.prediction = entry["prediction_type"] == "sample" ? Prediction::x0 : Prediction::v;
        settings.eta = entry.value("eta", 0.0);
        settings.clip = entry["clip_sample"];
        const DiagonalTables tables = variance_preserving_tables(log_alpha_bars(golden_betas(entry, true)));
        CHECK(tables.ends_in_noise());
        CHECK(is_markov(tables));
        const std::vector<int> levels =
            sampling_levels(entry["timestep_spacing"], entry["train_timesteps"], entry["steps"]);
        REQUIRE(levels.front() == tables.levels());
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
        CHECK(worst < 1e-9); // the package's last step adds noise of deviation 1e-10
    }
}

TEST_CASE("zero terminal SNR: trains and samples by v and x0, in every process that has it; ε is refused") {
    RandomState random(3, Device::cpu);
    const Tensor images = normal(random, Shape{64, 6, 5, 1}, Purpose::augmentation);
    for (const char* kind : {"ddpm", "hdm"})
        for (const char* prediction : {"v", "x0"}) {
            CAPTURE(kind);
            CAPTURE(prediction);
            ProcessConfig config;
            config.kind = kind;
            config.steps = 8;
            config.beta_end = 0.3;
            config.zero_terminal_snr = true;
            config.prediction = prediction;
            const auto process = make_process(config, {6, 5, 1}, Device::cpu);
            const TrainingBatch batch = process->training_batch(images, random, 0);
            CHECK(std::isfinite(largest_value(to_doubles(batch.input))));
            CHECK(std::isfinite(largest_value(to_doubles(batch.target))));
            // At the last level the network's input is noise alone, and the target of v the image.
            const std::vector<int32_t> levels = to_integers(batch.levels);
            int last = 0;
            for (int64_t i = 0; i < 64; ++i)
                if (levels[size_t(i)] == 8 && std::string(kind) == "ddpm") {
                    ++last;
                    const Doubles noise =
                        to_doubles(normal(random, Shape{1, 6, 5, 1}, Purpose::training_noise, uint32_t(i)));
                    CHECK(largest_difference(to_doubles(batch.input.images(i, 1)), noise) < 1e-6);
                    Doubles image = to_doubles(images.images(i, 1));
                    if (*prediction == 'v')
                        for (double& value : image) value = -value;
                    CHECK(largest_difference(to_doubles(batch.target.images(i, 1)), image) < 1e-6);
                }
            CHECK((last > 0) == (std::string(kind) == "ddpm"));
            for (const char* solver : {"ancestral", "ddim"})
                for (const bool clip : {false, true}) {
                    ClosedForm network(golden_network);
                    SampleRequest request;
                    request.count = 2;
                    request.solver = solver;
                    request.clip = clip;
                    CHECK(std::isfinite(
                        largest_difference(to_doubles(process->sample(network, request)), Doubles(60))));
                }
            for (const char* solver : {"euler", "dpm-solver++", "unipc"}) {
                SampleRequest request;
                request.solver = solver;
                CHECK(error_of([&] { process->check(request); }).find("choose ancestral or ddim") !=
                      std::string::npos);
                request.steps = 3;
                request.spacing = "leading";
                CHECK_NOTHROW(process->check(request));
                request.spacing = "karras";
                CHECK(error_of([&] { process->check(request); }).find("choose trailing") !=
                      std::string::npos);
            }
            for (const ReportEntry& entry : process->report()) {
                CAPTURE(entry.name);
                CHECK_FALSE(std::isnan(entry.value));
            }
            config.prediction = "epsilon";
            CHECK(error_of([&] {
                      make_process(config, {6, 5, 1}, Device::cpu);
                  }).find("process.prediction = v or x0") != std::string::npos);
        }
    CHECK_THROWS_AS(DiagonalTables(2, 1, {0, -INFINITY, -INFINITY}, {-INFINITY, 0, 0}),
                    Error); // not the last
    CHECK_THROWS_AS(DiagonalTables(1, 1, {0, NAN}, {-INFINITY, 0}), Error);
}

TEST_SUITE_END();
