// The fast solvers: against diffusers, their papers, exact integrals and a Gaussian whose flow is known.

#include "golden_json.h"
#include "processes/blurring_diffusion.h"
#include "processes/ddpm.h"
#include "processes/plan_writer.h"
#include "processes/schedule.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr int levels = 961;

/// Variance preserving, λ from −3 at the last level to 3 at level 1 in equal steps.
DiagonalTables even_tables() {
    Doubles log_a{0.0}, log_s{-INFINITY};
    for (int t = 1; t <= levels; ++t) {
        const double lambda = 3 - 6.0 * (t - 1) / (levels - 1);
        log_a.push_back(-0.5 * std::log1p(std::exp(-2 * lambda)));
        log_s.push_back(-0.5 * std::log1p(std::exp(2 * lambda)));
    }
    return DiagonalTables(levels, 1, log_a, log_s);
}

SamplingPath even_path(int steps) {
    PathRequest request;
    request.spacing = "linspace";
    request.steps = steps;
    request.style = PathStyle::multistep;
    request.ends_at_data = false;
    request.timestep_of_level = [](int level) { return float(level - 1); };
    return sampling_path(even_tables(), {}, request);
}

StepSettings settings_of(DiagonalSolver solver, int order, bool singlestep = false,
                         bool second_type = false) {
    StepSettings settings;
    settings.solver = solver;
    settings.order = order;
    settings.singlestep = singlestep;
    settings.second_type = second_type;
    settings.ends_at_data = false;
    settings.lower_order_final = false;
    settings.prediction = Prediction::x0;
    return settings;
}

/// A plan followed in double precision for one eigenvalue: what the registers hold after each stage.
struct Followed {
    Doubles states, kept; ///< states[i] is what stage i sees; one more at the end
};
Followed follow(const SolverPlan& plan, const std::function<double(int node, double state)>& network,
                double state, int p = 0) {
    Followed followed{{state}, {}};
    Doubles m(most_predictions, 0.0);
    double kept = 0;
    for (int i = 0; i < int(plan.stages.size()); ++i) {
        const double output = network(plan.stages[size_t(i)].node, state);
        const auto sum = [&](const Combination& c) {
            double total = c.at(i, Register::state, p) * state + c.at(i, Register::output, p) * output +
                           c.at(i, Register::kept, p) * kept;
            for (int k = 0; k < most_predictions; ++k)
                total += c.at(i, prediction_register(k), p) * m[size_t(k)];
            return total;
        };
        if (plan.predictions) {
            const double made = sum(plan.prediction);
            m.insert(m.begin(), made);
            m.pop_back();
        }
        if (!plan.correction.empty(i)) kept = sum(plan.correction);
        state = sum(plan.update);
        followed.states.push_back(state);
        followed.kept.push_back(kept);
    }
    return followed;
}

double lambda_of(const SamplingPath& path, int node) {
    return path.tables.log_a(node, 0) - path.tables.log_s(node, 0);
}

/// The exact step from node t to node s of a prediction that is this function of λ.
double exact_step(const SamplingPath& path, bool data, int t, int s, double state,
                  const std::function<double(double)>& m) {
    const double from = lambda_of(path, t), to = lambda_of(path, s);
    constexpr int n = 400;
    double sum = 0;
    for (int i = 0; i <= n; ++i) { // Simpson's rule
        const double lambda = from + (to - from) * i / n, weight = i == 0 || i == n ? 1 : i % 2 ? 4 : 2;
        sum += weight * std::exp(data ? lambda : -lambda) * m(lambda);
    }
    const double integral = sum * (to - from) / n / 3;
    const double a = path.tables.a(s, 0), sigma = path.tables.s(s, 0);
    return data ? sigma / path.tables.s(t, 0) * state + sigma * integral
                : a / path.tables.a(t, 0) * state - a * integral;
}

/// u_t = a(mean + deviation ξ') + s ε: its flow keeps the place in the marginal's deviations.
struct Gaussian {
    double mean = 0.4, deviation = 0.3;

    double marginal(double a, double s) const { return std::hypot(a * deviation, s); }
    double state(const SamplingPath& path, int node, double place) const {
        const double a = path.tables.a(node, 0), s = path.tables.s(node, 0);
        return a * mean + marginal(a, s) * place;
    }
    double clean(const SamplingPath& path, int node, double u) const {
        const double a = path.tables.a(node, 0), s = path.tables.s(node, 0), v = marginal(a, s);
        return mean + a * deviation * deviation / (v * v) * (u - a * mean);
    }
};

double flow_error(const StepSettings& settings, int steps) {
    const SamplingPath path = even_path(steps);
    const Gaussian data;
    const double place = 1.3;
    const Followed followed = follow(
        make_plan(path, settings), [&](int node, double u) { return data.clean(path, node, u); },
        data.state(path, path.last, place));
    return std::abs(followed.states.back() - data.state(path, 0, place));
}

/// 0.3 x + 0.001 t, and 0.2 x for the variance.
class LearnedVariance : public Denoiser {
public:
    Tensor predict(const Tensor& x, const Tensor& timesteps) override {
        const Doubles values = to_doubles(x),
                      prediction = golden_network(values, to_doubles(timesteps).front());
        const Shape& s = x.shape();
        Doubles output;
        for (int64_t i = 0; i < x.count(); i += s[3]) {
            for (int64_t c = 0; c < s[3]; ++c) output.push_back(prediction[size_t(i + c)]);
            for (int64_t c = 0; c < s[3]; ++c) output.push_back(0.2 * values[size_t(i + c)]);
        }
        return to_tensor(Shape{s[0], s[1], s[2], 2 * s[3]}, output);
    }
};

} // namespace

TEST_CASE("solvers go diffusers' way") {
    const nlohmann::json document = golden_json("solvers.json");
    const Shape shape{2, 2, 2, 2};
    int compared = 0;
    for (const nlohmann::json& entry : document["trajectories"]) {
        CAPTURE(entry["name"].get<std::string>());
        const bool learned = entry.value("variance", "") == "learned";
        const Ddpm process({2, 2, 2}, betas_from_name(entry["schedule"], 1000, 1e-4, 0.02),
                           prediction_from_name(entry["prediction"]),
                           learned ? Variance::learned : Variance::small, Device::cpu);
        SampleRequest request;
        request.count = 2;
        request.start = to_tensor(shape, document["initial_state"]);
        request.solver = entry["solver"];
        request.steps = entry["steps"];
        request.spacing = entry.value("spacing", "");
        request.clip =
            entry.contains("threshold") ? std::nullopt : std::optional<bool>(entry.value("clip", false));
        SamplerOptions& options = request.options;
        if (entry.contains("order")) options.order = entry["order"].get<int>();
        if (entry.contains("singlestep")) options.singlestep = true;
        if (entry.contains("lower_order_final")) options.lower_order_final = false;
        options.type = entry.value("solver_type", "");
        options.final_sigma = entry.value("final_sigma", "");
        if (entry.contains("threshold")) {
            options.threshold = entry["threshold"].get<double>();
            options.threshold_limit = entry["threshold_limit"].get<double>();
        }
        if (learned || request.solver == "ancestral" || request.solver == "sde-dpm-solver++")
            for (int i = 0; i < request.steps; ++i)
                request.step_noise.push_back(to_tensor(shape, document["noises"][size_t(i)]));
        ClosedForm network(golden_network);
        LearnedVariance both;
        const Doubles images =
            to_doubles(learned ? process.sample(both, request) : process.sample(network, request));
        const Doubles expected = entry["final"];
        CHECK(largest_difference(images, expected) < 1e-4 * std::max(1.0, largest_value(expected)));
        if (!learned) CHECK(largest_difference(network.seen, entry["timesteps"]) < 0.02);
        ++compared;
    }
    CHECK(compared >= 80);
}

TEST_CASE("solvers integrate exactly what their order promises") {
    const int steps = 12;
    const SamplingPath path = even_path(steps);
    const auto polynomial = [](int degree) -> std::function<double(double)> {
        return [degree](double x) {
            return 0.7 - 0.4 * x + (degree > 1 ? 0.3 * x * x : 0) + (degree > 2 ? 0.1 * x * x * x : 0);
        };
    };
    const auto network = [&](const std::function<double(double)>& m) {
        return [&path, m](int node, double) { return m(lambda_of(path, node)); };
    };
    for (const bool data : {true, false}) {
        CAPTURE(data);
        const auto solver = data ? DiagonalSolver::dpm_solver_pp : DiagonalSolver::dpm_solver;
        for (const int order : {2, 3}) {
            CAPTURE(order);
            StepSettings settings = settings_of(solver, order, false, true);
            settings.prediction = data ? Prediction::x0 : Prediction::epsilon;
            // The multistep form of order 3 halves the second difference (docs/samplers.md): lines alone.
            auto m = polynomial(1);
            Followed followed = follow(make_plan(path, settings), network(m), 1.1);
            for (int i = order - 1; i < steps; ++i) {
                const double exact =
                    exact_step(path, data, steps - i, steps - i - 1, followed.states[size_t(i)], m);
                CHECK(followed.states[size_t(i) + 1] == doctest::Approx(exact).epsilon(2e-6));
            }
            m = polynomial(order - 1);
            settings.singlestep = true;
            followed = follow(make_plan(path, settings), network(m), 1.1);
            for (int i = 0; i + order <= steps; i += order) {
                const double exact =
                    exact_step(path, data, steps - i, steps - i - order, followed.states[size_t(i)], m);
                CHECK(followed.states[size_t(i + order)] == doctest::Approx(exact).epsilon(2e-6));
            }
        }
    }
    for (const bool bh1 : {false, true})
        for (const int order : {2, 3}) {
            CAPTURE(order);
            const auto m = polynomial(order); // the corrector has the prediction at the target too
            const Followed followed = follow(
                make_plan(path, settings_of(DiagonalSolver::unipc, order, false, bh1)), network(m), 1.1);
            for (int i = order; i < steps; ++i) {
                const double exact =
                    exact_step(path, true, steps - i + 1, steps - i, followed.kept[size_t(i) - 1], m);
                CHECK(followed.kept[size_t(i)] == doctest::Approx(exact).epsilon(2e-6));
                if (order < 3) continue;
                const auto quadratic = polynomial(2);
                const Followed lower =
                    follow(make_plan(path, settings_of(DiagonalSolver::unipc, 3, false, bh1)),
                           network(quadratic), 1.1);
                const double predicted =
                    exact_step(path, true, steps - i, steps - i - 1, lower.kept[size_t(i)], quadratic);
                CHECK(lower.states[size_t(i) + 1] == doctest::Approx(predicted).epsilon(2e-6));
            }
        }
}

TEST_CASE("errors on a Gaussian fall with the power of the step that is the order") {
    struct Case {
        StepSettings settings;
        double order;
    };
    using S = DiagonalSolver;
    std::vector<Case> cases{{settings_of(S::ddim, 1), 1},  {settings_of(S::euler, 1), 1},
                            {settings_of(S::heun, 1), 2},  {settings_of(S::unipc, 1), 2},
                            {settings_of(S::unipc, 2), 3}, {settings_of(S::unipc, 2, false, true), 3}};
    for (const S solver : {S::dpm_solver, S::dpm_solver_pp}) {
        cases.push_back({settings_of(solver, 1), 1});
        for (const bool heun : {false, true}) {
            cases.push_back({settings_of(solver, 2, false, heun), 2});
            cases.push_back({settings_of(solver, 2, true, heun), 2});
            cases.push_back({settings_of(solver, 3, true, heun), 3});
        }
        cases.push_back({settings_of(solver, 3), 2}); // its first steps are of lower order
    }
    for (const Case& c : cases) {
        CAPTURE(name_of(c.settings.solver));
        CAPTURE(c.settings.order);
        CAPTURE(c.settings.singlestep);
        CAPTURE(c.settings.second_type);
        const double coarse = flow_error(c.settings, 24), fine = flow_error(c.settings, 48);
        CAPTURE(coarse);
        CAPTURE(fine);
        CHECK(std::log2(coarse / fine) > c.order - 0.35);
        CHECK(fine < 0.02);
    }
}

TEST_CASE("DPM-Solver++(2M), DPM-Solver-2, UniPC-2 and EDM's Heun as their papers print them") {
    const int steps = 6;
    const SamplingPath path = even_path(steps);
    const Gaussian data;
    const auto clean = [&](int node, double u) { return data.clean(path, node, u); };
    const auto a = [&](int i) { return path.tables.a(steps - i, 0); }; // by step, from the start
    const auto s = [&](int i) { return path.tables.s(steps - i, 0); };
    const auto lambda = [&](int i) { return lambda_of(path, steps - i); };
    const auto x0 = [&](int i, double u) { return clean(steps - i, u); };
    const auto noise = [&](int i, double u) { return (u - a(i) * x0(i, u)) / s(i); };

    double x = 0.9, before = 0; // Lu et al. 2022b, Algorithm 2
    for (int i = 0; i < steps; ++i) {
        const double h = lambda(i + 1) - lambda(i), m = x0(i, x);
        double d = m;
        if (i > 0) {
            const double r = (lambda(i) - lambda(i - 1)) / h;
            d = (1 + 1 / (2 * r)) * m - 1 / (2 * r) * before;
        }
        before = m;
        x = s(i + 1) / s(i) * x - a(i + 1) * (std::exp(-h) - 1) * d;
    }
    const auto end_of = [&](const StepSettings& settings) {
        return follow(make_plan(path, settings), clean, 0.9).states.back();
    };
    CHECK(end_of(settings_of(DiagonalSolver::dpm_solver_pp, 2)) == doctest::Approx(x).epsilon(1e-6));

    x = 0.9; // Lu et al. 2022, Algorithm 4 with r_1 from the levels visited
    for (int i = 0; i < steps; i += 2) {
        const double h = lambda(i + 2) - lambda(i), r = (lambda(i + 1) - lambda(i)) / h, e = noise(i, x);
        const double u = a(i + 1) / a(i) * x - s(i + 1) * (std::exp(r * h) - 1) * e;
        x = a(i + 2) / a(i) * x - s(i + 2) * (std::exp(h) - 1) * e -
            s(i + 2) / (2 * r) * (std::exp(h) - 1) * (noise(i + 1, u) - e);
    }
    CHECK(end_of(settings_of(DiagonalSolver::dpm_solver, 2, true)) == doctest::Approx(x).epsilon(1e-6));

    double y = 0.9 / a(0); // Karras et al. 2022, Algorithm 1 with S_churn = 0, in x/a
    for (int i = 0; i < steps; ++i) {
        const double sigma = s(i) / a(i), next = s(i + 1) / a(i + 1);
        const double d = (y - x0(i, a(i) * y)) / sigma, euler = y + (next - sigma) * d;
        const double slope = (euler - x0(i + 1, a(i + 1) * euler)) / next;
        y += (next - sigma) * (0.5 * d + 0.5 * slope);
    }
    CHECK(end_of(settings_of(DiagonalSolver::heun, 1)) == doctest::Approx(a(steps) * y).epsilon(1e-6));

    // Zhao et al. 2023, UniPC-2 on û_0 with B = e^{−h} − 1 (Algorithms 7 and 8): R ρ = b solved by Cramer's
    // rule.
    x = 0.9;
    double predicted = 0.9, m1 = 0, m0 = 0;
    for (int i = 0; i <= steps; ++i) {
        const double m = i < steps ? x0(i, predicted) : 0;
        if (i > 0 && i < steps) { // corrected, of order min(i, 2)
            const double h = lambda(i) - lambda(i - 1), z = -h, b_h = std::exp(z) - 1;
            double change = 0.5 * (m - m0);
            if (i > 1) {
                const double r = (lambda(i - 2) - lambda(i - 1)) / h;
                const double b1 = ((std::exp(z) - 1) / z - 1) / b_h,
                             b2 = 2 * (((std::exp(z) - 1) / z - 1) / z - 0.5) / b_h;
                const double rho1 = (b1 - b2) / (1 - r), rho2 = (b2 - r * b1) / (1 - r);
                change = rho1 * (m1 - m0) / r + rho2 * (m - m0);
            }
            x = s(i) / s(i - 1) * x - a(i) * b_h * m0 - a(i) * b_h * change;
        }
        if (i == steps) break;
        const double h = lambda(i + 1) - lambda(i), b_h = std::exp(-h) - 1;
        double change = 0;
        if (i > 0) change = 0.5 * (m0 - m) / ((lambda(i - 1) - lambda(i)) / h);
        predicted = s(i + 1) / s(i) * x - a(i + 1) * b_h * m - a(i + 1) * b_h * change;
        m1 = m0;
        m0 = m;
    }
    CHECK(end_of(settings_of(DiagonalSolver::unipc, 2)) == doctest::Approx(predicted).epsilon(1e-6));
}

TEST_CASE("first order, Euler's rule and DDIM are one solver") {
    const Ddpm process({2, 2, 1}, linear_betas(100, 1e-3, 0.1), Prediction::epsilon, Variance::small,
                       Device::cpu);
    SampleRequest request;
    request.count = 3;
    request.seed = 4;
    request.steps = 9;
    request.spacing = "trailing";
    request.clip = false;
    request.solver = "ddim";
    ClosedForm network(golden_network);
    const Doubles expected = to_doubles(process.sample(network, request));
    for (const char* solver : {"euler", "dpm-solver", "dpm-solver++"}) {
        request.solver = solver;
        request.options.order = std::string(solver) == "euler" ? std::nullopt : std::optional<int>(1);
        CHECK(largest_difference(to_doubles(process.sample(network, request)), expected) <
              2e-6 * largest_value(expected));
    }
}

TEST_CASE("in an eigenbasis each eigenvalue goes its own way") {
    const ImageSize size{4, 6, 2};
    const Shape shape{2, 4, 6, 2};
    BlurringSettings blurring;
    blurring.steps = 40;
    blurring.sigma_max = 2;
    blurring.prediction = Prediction::v;
    const BlurringDiffusion process(size, blurring, Device::cpu);
    ClosedForm network([](const Doubles& x, double) {
        Doubles y;
        for (const double value : x) y.push_back(-0.3 * value);
        return y;
    });
    SampleRequest request;
    request.count = 2;
    request.seed = 8;
    request.steps = 8;
    request.clip = false;
    request.view = SampleRequest::View::state;
    struct Case {
        const char* solver;
        int order;
        bool singlestep;
        const char* spacing;
    };
    for (const Case& c : {Case{"dpm-solver++", 2, false, "karras"}, Case{"dpm-solver++", 3, true, "trailing"},
                          Case{"dpm-solver", 3, false, "linspace"}, Case{"unipc", 3, false, "log-snr"},
                          Case{"heun", 0, false, "linspace"}, Case{"euler", 0, false, "karras"}}) {
        CAPTURE(c.solver);
        request.solver = c.solver;
        request.spacing = c.spacing;
        request.options = {};
        if (c.order) request.options.order = c.order;
        if (c.singlestep) request.options.singlestep = true;
        Doubles start;
        const Doubles end =
            dct2(to_doubles(process.sample(network, request,
                                           [&](const SampleStep& step) {
                                               if (step.step == 0)
                                                   start = dct2(to_doubles(step.image), shape, false);
                                           })),
                 shape, false);
        const SolverPlan plan = make_plan(process.sampling_path(request), process.step_settings(request));
        Doubles expected;
        for (size_t e = 0; e < start.size(); ++e)
            expected.push_back(follow(
                                   plan, [](int, double u) { return -0.3 * u; }, start[e],
                                   int(e) / size.channels % int(size.points()))
                                   .states.back());
        CHECK(largest_difference(end, expected) < 1e-4 * largest_value(expected));

        // A limit that nothing reaches changes nothing, though û_0 takes part on its own.
        BlurringSettings narrow = blurring;
        narrow.prediction = Prediction::x0;
        const BlurringDiffusion other(size, narrow, Device::cpu);
        ClosedForm small([](const Doubles& x, double) {
            Doubles y;
            for (const double value : x) y.push_back(0.1 * value);
            return y;
        });
        SampleRequest limited = request;
        limited.view = SampleRequest::View::none;
        const Doubles free = to_doubles(other.sample(small, limited));
        limited.clip = true;
        CHECK(largest_difference(to_doubles(other.sample(small, limited)), free) < 1e-4);
        limited.clip = {};
        limited.options.threshold = 0.995;
        CHECK(largest_difference(to_doubles(other.sample(small, limited)), free) < 1e-4);
    }
}

TEST_CASE("what a solver has no use for is refused, with what has") {
    const Ddpm process({2, 2, 1}, linear_betas(20, 1e-3, 0.1), Prediction::epsilon, Variance::small,
                       Device::cpu);
    const auto refusal = [&](const std::string& solver, const std::function<void(SampleRequest&)>& change) {
        SampleRequest request;
        request.solver = solver;
        change(request);
        return error_of([&] { process.check(request); });
    };
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(has(refusal("ancestral", [](auto& r) { r.options.order = 2; }),
              "order belongs to solver dpm-solver"));
    CHECK(has(refusal("dpm-solver++", [](auto& r) { r.eta = 0.5; }), "or choose sde-dpm-solver++"));
    CHECK(
        has(refusal("unipc", [](auto& r) { r.variance = "large"; }), "variance belongs to solver ancestral"));
    CHECK(has(refusal("unipc", [](auto& r) { r.options.type = "heun"; }), "expected bh2 or bh1"));
    CHECK(has(refusal("unipc", [](auto& r) { r.options.singlestep = true; }), "dpm-solver or dpm-solver++"));
    CHECK(has(refusal("sde-dpm-solver++", [](auto& r) { r.options.order = 3; }), "expected 1 to 2"));
    CHECK(has(refusal("ddim", [](auto& r) { r.options.final_sigma = "sigma_min"; }), "ends at data"));
    CHECK(has(refusal("euler", [](auto& r) { r.options.threshold = 1.5; }), "above 0 to 1"));
    CHECK(has(refusal("euler", [](auto& r) { r.spacing = "even"; }), "karras or log-snr"));
    CHECK(has(refusal("ancestral", [](auto& r) { r.variance = "learned"; }), "choose small or large"));
    CHECK(has(refusal("heun", [](auto& r) { r.step_noise.resize(20); }), "draws no noise"));
    CHECK(has(refusal("ancestral", [](auto& r) { r.step_noise.resize(3); }), "expected that of 20"));
    CHECK(has(refusal("plms", [](auto&) {}), "does not fit process ddpm"));
}

TEST_SUITE_END();
