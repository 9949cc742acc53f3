#include "processes/ddpm.h"
#include "processes/factory.h"
#include "processes/heat_diffusion_model.h"
#include "processes/schedule.h"
#include "processes/solver.h"
#include "support.h"
#include "tests/reference/dense_matrix.h"
#include "tests/reference/transform.h"

#include <doctest/doctest.h>

#include <map>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;
using reference::DenseMatrix;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr Boundary boundaries[] = {Boundary::adiabatic, Boundary::half_sample, Boundary::fixed};
constexpr std::pair<int, int> sizes[] = {{1, 1}, {1, 6}, {5, 1}, {2, 2}, {3, 4}, {5, 3}};

reference::Ghost ghost_of(Boundary boundary) {
    return boundary == Boundary::adiabatic     ? reference::Ghost::mirrored_at_pixel
           : boundary == Boundary::half_sample ? reference::Ghost::mirrored_at_edge
                                               : reference::Ghost::zero;
}

/// The paper's A = S⁻¹T, from the stencil.
DenseMatrix heat_matrix(const HeatScheme& scheme, int height, int width) {
    const DenseMatrix l = reference::laplacian(ghost_of(scheme.boundary), height, width);
    const DenseMatrix one = DenseMatrix::identity(l.size);
    return inverse(one + l.scaled(-(1 - scheme.theta) * scheme.k)) *
           (one + l.scaled(scheme.theta * scheme.k));
}

/// The change of basis as a matrix, in double precision: the orthonormal transform, on W^½u for the DCT-I.
DenseMatrix basis_matrix(Basis basis, int height, int width) {
    const auto kind = basis == Basis::dct1   ? kernels::TransformKind::dct1
                      : basis == Basis::dct2 ? kernels::TransformKind::dct2
                                             : kernels::TransformKind::dst1;
    const auto weight = [basis](int i, int n) {
        return basis == Basis::dct1 && n > 1 && (i == 0 || i == n - 1) ? 0.5 : 1.0;
    };
    DenseMatrix m(height * width);
    for (int p = 0; p < m.size; ++p) {
        Doubles unit(size_t(m.size), 0.0);
        unit[size_t(p)] = std::sqrt(weight(p / width, height) * weight(p % width, width));
        const Doubles column = reference::transform(kind, unit, height, width, 1);
        for (int q = 0; q < m.size; ++q) m.at(q, p) = column[size_t(q)];
    }
    return m;
}

HeatDiffusionSettings settings_of(int steps, const HeatScheme& scheme, HeatInput input = HeatInput::u) {
    HeatDiffusionSettings settings;
    settings.betas = linear_betas(steps, 0.02, 0.3);
    settings.scheme = scheme;
    settings.input = input;
    settings.condition_limit = 1e8;
    return settings;
}

/// The paper's matrices, equation by equation, with its errata: no noise at n = 1.
struct Paper {
    DenseMatrix a;
    Doubles betas, alpha_bars{1.0};

    Paper(DenseMatrix matrix, Doubles schedule) : a(std::move(matrix)), betas(std::move(schedule)) {
        for (size_t n = 1; n < betas.size(); ++n) alpha_bars.push_back(alpha_bars.back() * (1 - betas[n]));
    }
    int steps() const { return int(betas.size()) - 1; }
    double alpha(int n) const { return 1 - betas[size_t(n)]; }
    DenseMatrix b(int n) const {
        const DenseMatrix m = power(a, n - steps());
        return m * m.transposed();
    }
    DenseMatrix sigma(int n) const {
        return inverse((a.transposed() * inverse(b(n)) * a).scaled(alpha(n) / (1 - alpha(n))) +
                       inverse(b(n - 1)).scaled(1 / (1 - alpha_bars[size_t(n - 1)])));
    }
    DenseMatrix c(int n) const {
        if (n == 1) return inverse(a).scaled(1 / std::sqrt(alpha(1)));
        return sigma(n) * ((a.transposed() * inverse(b(n))).scaled(std::sqrt(alpha(n)) / (1 - alpha(n))) +
                           (inverse(b(n - 1)) * inverse(a))
                               .scaled(1 / ((1 - alpha_bars[size_t(n - 1)]) * std::sqrt(alpha(n)))));
    }
    DenseMatrix d(int n) const {
        if (n == 1) return power(a, -steps()).scaled(-std::sqrt((1 - alpha(1)) / alpha(1)));
        return (sigma(n) * inverse(b(n - 1)) * power(a, n - steps() - 1))
            .scaled(-std::sqrt(1 - alpha_bars[size_t(n)]) /
                    ((1 - alpha_bars[size_t(n - 1)]) * std::sqrt(alpha(n))));
    }
};

/// u or v of one channel of one image, between pixels.
Doubles each_channel(const DenseMatrix& m, const Doubles& x, int channels) {
    Doubles y(x.size());
    const auto points = size_t(m.size), depth = size_t(channels);
    for (size_t image = 0; image < x.size() / (points * depth); ++image)
        for (size_t c = 0; c < depth; ++c) {
            Doubles plane(points);
            for (size_t p = 0; p < points; ++p) plane[p] = x[(image * points + p) * depth + c];
            plane = m * plane;
            for (size_t p = 0; p < points; ++p) y[(image * points + p) * depth + c] = plane[p];
        }
    return y;
}

/// White noise as a process has it in pixels: it draws in an orthonormal basis itself, else in pixels.
Doubles drawn(Boundary boundary, const Doubles& noise, int height, int width, int channels) {
    if (boundary == Boundary::adiabatic) return noise;
    return each_channel(inverse(basis_matrix(basis_of(boundary), height, width)), noise, channels);
}

double value_of(const std::vector<ReportEntry>& report, const std::string& name) {
    for (const ReportEntry& entry : report)
        if (entry.name == name) return entry.value;
    FAIL("no entry " << name);
    return 0;
}

} // namespace

TEST_CASE("the bases diagonalise their boundary's 5-point Laplacian") {
    for (const auto& [height, width] : sizes)
        for (const Boundary boundary : boundaries) {
            CAPTURE(height);
            CAPTURE(width);
            CAPTURE(name_of(boundary));
            const Basis basis = basis_of(boundary);
            const DenseMatrix f = basis_matrix(basis, height, width);
            const DenseMatrix expected = reference::laplacian(ghost_of(boundary), height, width);
            const DenseMatrix l =
                inverse(f) * DenseMatrix::diagonal(discrete_eigenvalues(basis, height, width)) * f;
            CHECK(relative_difference(l, expected) < 1e-13);
            const Shape shape{2, height, width, 3};
            const Doubles x = to_doubles(normal(RandomState(4, Device::cpu), shape, Purpose::prior));
            const Tensor coefficients = to_basis(basis, to_tensor(shape, x));
            CHECK(largest_difference(to_doubles(coefficients), each_channel(f, x, 3)) < 3e-6);
            CHECK(largest_difference(to_doubles(from_basis(basis, coefficients)), x) < 3e-6);
        }
    CHECK_FALSE(is_orthonormal(Basis::dct1));
    CHECK(is_orthonormal(Basis::dst1));
    CHECK_THROWS_AS(eigenvalues(Basis::dst1, 3, 3), Error);
    CHECK_THROWS_AS(discrete_eigenvalues(Basis::pixel, 3, 3), Error);
}

TEST_CASE("HDM's steps are the paper's dense formulas") {
    constexpr int steps = 6;
    for (const auto& [height, width] : sizes)
        for (const Boundary boundary : boundaries)
            for (const double theta : {0.0, 0.5, 1.0}) {
                CAPTURE(height);
                CAPTURE(width);
                CAPTURE(name_of(boundary));
                CAPTURE(theta);
                const HeatScheme scheme{0.07, theta, boundary};
                const HeatDiffusionModel process({height, width, 1}, settings_of(steps, scheme), Device::cpu);
                const Paper paper(heat_matrix(scheme, height, width), linear_betas(steps, 0.02, 0.3));
                const DenseMatrix f = basis_matrix(basis_of(boundary), height, width), back = inverse(f);
                const Doubles lambda = heat_eigenvalues(scheme, height, width);
                CHECK(relative_difference(back * DenseMatrix::diagonal(lambda) * f, paper.a) < 1e-12);
                const DiagonalTables& tables = process.model().tables;
                REQUIRE(tables.width() == height * width);
                for (int n = 1; n <= steps; ++n) {
                    // u_n = A^{n−N} v_n above level 0, where the state is u_0 itself.
                    Doubles c, d, noise, forward;
                    for (int p = 0; p < tables.width(); ++p) {
                        const StepCoefficients step = step_coefficients(
                            tables,
                            {DiagonalSolver::ancestral, Prediction::epsilon, Variance::small, 0, false},
                            n - 1, n, p);
                        const double l = lambda[size_t(p)];
                        const double after = n == 1 ? 1 : std::pow(l, n - 1 - steps);
                        c.push_back(after * step.state * std::pow(l, steps - n));
                        d.push_back(after * step.output);
                        noise.push_back(after * step.noise);
                        forward.push_back(std::pow(l, n - steps) * tables.a(n, p));
                    }
                    const auto in_pixels = [&](const Doubles& x) {
                        return back * DenseMatrix::diagonal(x) * f;
                    };
                    CAPTURE(n);
                    CHECK(relative_difference(in_pixels(c), paper.c(n)) < 1e-9);
                    CHECK(relative_difference(in_pixels(d), paper.d(n)) < 1e-9);
                    CHECK(relative_difference(
                              in_pixels(forward),
                              power(paper.a, n).scaled(std::sqrt(paper.alpha_bars[size_t(n)]))) < 1e-10);
                    if (n == 1) {
                        CHECK(largest_value(noise) == 0.0);
                        continue;
                    }
                    // White noise in pixels, then the factor in the basis: the covariance that the paper
                    // samples by a Cholesky factor, on the DCT-I too.
                    const DenseMatrix factor = in_pixels(noise), l = cholesky(paper.sigma(n));
                    CHECK(relative_difference(factor * factor.transposed(), l * l.transposed()) < 1e-9);
                }
            }
}

TEST_CASE("HDM's samples are those of the paper's loop") {
    constexpr int steps = 5;
    const ImageSize size{3, 4, 2};
    const Shape shape{2, 3, 4, 2};
    for (const Boundary boundary : boundaries) {
        const HeatScheme scheme{0.06, 0.5, boundary};
        const HeatDiffusionModel process(size, settings_of(steps, scheme), Device::cpu);
        const Paper paper(heat_matrix(scheme, 3, 4), linear_betas(steps, 0.02, 0.3));
        SampleRequest request;
        request.count = 2;
        request.image_offset = 5;
        request.seed = 21;
        request.clip = false;
        RandomState random(request.seed, Device::cpu);
        Doubles u = drawn(boundary, to_doubles(normal(random, shape, Purpose::prior, 5)), 3, 4, 2); // u_N
        std::vector<Doubles> states;
        for (int n = steps; n >= 1; --n) {
            states.push_back(u);
            random.set_step(uint32_t(steps - n));
            const Doubles z =
                drawn(boundary, to_doubles(normal(random, shape, Purpose::step_noise, 5)), 3, 4, 2);
            const Doubles mean = each_channel(paper.c(n), u, 2),
                          move = each_channel(paper.d(n), golden_network(u, n - 1), 2);
            const double beta = (1 - paper.alpha(n)) * (1 - paper.alpha_bars[size_t(n - 1)]) /
                                (1 - paper.alpha_bars[size_t(n)]);
            const Doubles noise = each_channel(power(paper.a, n - 1 - steps).scaled(std::sqrt(beta)), z, 2);
            for (size_t e = 0; e < u.size(); ++e) u[e] = mean[e] + move[e] + noise[e];
        }
        states.push_back(u);
        ClosedForm network(golden_network);
        request.view = SampleRequest::View::state;
        const Tensor image = process.sample(network, request, [&](const SampleStep& step) {
            CHECK(largest_difference(to_doubles(step.image), states[size_t(step.step)]) <
                  2e-5 * std::max(1.0, largest_value(states[size_t(step.step)])));
        });
        CHECK(largest_difference(to_doubles(image), u) < 2e-5 * std::max(1.0, largest_value(u)));
    }
}

TEST_CASE("HDM's training batch recomputed by hand") {
    constexpr int steps = 4;
    const Shape shape{12, 4, 3, 2};
    RandomState random(7, Device::cpu);
    random.set_step(2);
    const Tensor images = normal(random, shape, Purpose::augmentation); // any images will do
    const Doubles clean = to_doubles(images),
                  numbers = to_doubles(normal(random, shape, Purpose::training_noise, 30));
    for (const Boundary boundary : boundaries)
        for (const HeatInput input : {HeatInput::u, HeatInput::v, HeatInput::normalised})
            for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
                CAPTURE(name_of(boundary));
                CAPTURE(name_of(input));
                CAPTURE(name_of(prediction));
                const HeatScheme scheme{0.1, 0.5, boundary};
                HeatDiffusionSettings settings = settings_of(steps, scheme, input);
                settings.prediction = prediction;
                const HeatDiffusionModel process({4, 3, 2}, settings, Device::cpu);
                const TrainingBatch batch = process.training_batch(images, random, 30);
                const Doubles white = drawn(boundary, numbers, 4, 3, 2);
                const Doubles seen = to_doubles(batch.input), target = to_doubles(batch.target);
                const Paper paper(heat_matrix(scheme, 4, 3), settings.betas);
                const DenseMatrix f = basis_matrix(basis_of(boundary), 4, 3), back = inverse(f);
                const std::vector<int32_t> levels = to_integers(batch.levels);
                double worst = 0;
                for (size_t i = 0; i < 12; ++i) {
                    const int n = levels[i];
                    const double a = std::sqrt(paper.alpha_bars[size_t(n)]),
                                 s = std::sqrt(1 - paper.alpha_bars[size_t(n)]);
                    const Doubles u_0(clean.begin() + int64_t(i) * 24, clean.begin() + int64_t(i + 1) * 24),
                        noise(white.begin() + int64_t(i) * 24, white.begin() + int64_t(i + 1) * 24);
                    const DenseMatrix blur = power(paper.a, steps);
                    Doubles v = each_channel(blur.scaled(a), u_0, 2), norms;
                    for (size_t e = 0; e < 24; ++e) v[e] += s * noise[e];
                    for (const double l : heat_eigenvalues(scheme, 4, 3))
                        norms.push_back(1 / std::sqrt(a * a * std::pow(l, 2 * steps) + s * s));
                    const DenseMatrix over_norm = back * DenseMatrix::diagonal(norms) * f;
                    const Doubles expected_input = input == HeatInput::v ? v
                                                   : input == HeatInput::u
                                                       ? each_channel(power(paper.a, n - steps), v, 2)
                                                       : each_channel(over_norm, v, 2);
                    Doubles expected = prediction == Prediction::epsilon ? noise : u_0;
                    if (prediction == Prediction::v) {
                        expected = each_channel(over_norm.scaled(a) * blur, noise, 2);
                        const Doubles less = each_channel(over_norm.scaled(s), u_0, 2);
                        for (size_t e = 0; e < 24; ++e) expected[e] -= less[e];
                    }
                    for (size_t e = 0; e < 24; ++e)
                        worst = std::max({worst, std::abs(seen[i * 24 + e] - expected_input[e]),
                                          std::abs(target[i * 24 + e] - expected[e])});
                }
                CHECK(worst < 1e-5);
                CHECK(batch.scale == doctest::Approx(1.0 / 288));
            }
}

TEST_CASE("HDM without heat is DDPM bit for bit") {
    const ImageSize size{4, 6, 3};
    const auto hdm = make_process({.kind = "hdm", .steps = 40, .k = 0.0}, size, Device::cpu),
               ddpm = make_process({.kind = "ddpm", .steps = 40}, size, Device::cpu);
    RandomState random(1, Device::cpu);
    const Tensor images = normal(random, Shape{8, 4, 6, 3}, Purpose::augmentation);
    const TrainingBatch a = hdm->training_batch(images, random, 3),
                        b = ddpm->training_batch(images, random, 3);
    CHECK(a.input.to_host() == b.input.to_host());
    CHECK(a.target.to_host() == b.target.to_host());
    CHECK(to_doubles(a.timesteps) == to_doubles(b.timesteps));
    CHECK(a.scale == b.scale);
    for (const char* solver : {"ancestral", "ddim"})
        for (const int steps : {40, 10}) {
            SampleRequest request;
            request.count = 2;
            request.solver = solver;
            request.steps = steps;
            ClosedForm network(golden_network);
            CHECK(hdm->sample(network, request).to_host() == ddpm->sample(network, request).to_host());
        }
}

TEST_CASE("HDM in 50 DDIM steps is DDPM in 50 DDIM steps on the blurred images") {
    constexpr int levels = 200;
    const ImageSize size{5, 4, 2};
    const Doubles betas = linear_betas(levels, 5e-4, 0.1);
    const Ddpm ddpm(size, betas, Prediction::epsilon, Variance::small, Device::cpu);
    for (const Boundary boundary : boundaries)
        for (const double eta : {0.0, 0.7})
            for (const char* spacing : {"leading", "trailing", "linspace"}) {
                CAPTURE(name_of(boundary));
                CAPTURE(eta);
                CAPTURE(spacing);
                const HeatScheme scheme{0.5 / levels, 0.5, boundary};
                HeatDiffusionSettings settings = settings_of(levels, scheme, HeatInput::v);
                settings.betas = betas;
                const HeatDiffusionModel hdm(size, settings, Device::cpu);
                SampleRequest request;
                request.count = 2;
                request.seed = 4;
                request.solver = "ddim";
                request.eta = eta;
                request.steps = 50;
                request.spacing = spacing;
                request.clip = false;
                // DDPM's loop with the process's noise.
                const StepSettings step_settings = ddpm.step_settings(request);
                const std::vector<int> visited = sampling_levels(spacing, levels, 50);
                const Shape shape{2, 5, 4, 2};
                RandomState random(4, Device::cpu);
                Doubles x = drawn(boundary, to_doubles(normal(random, shape, Purpose::prior)), 5, 4, 2);
                for (size_t i = 0; i < 50; ++i) {
                    const StepCoefficients c =
                        step_coefficients(ddpm.model().tables, step_settings, visited[i + 1], visited[i], 0);
                    random.set_step(uint32_t(i));
                    const Doubles z =
                        drawn(boundary, to_doubles(normal(random, shape, Purpose::step_noise)), 5, 4, 2);
                    const Doubles output = golden_network(x, visited[i] - 1);
                    for (size_t e = 0; e < x.size(); ++e)
                        x[e] = c.state * x[e] + c.output * output[e] + c.noise * z[e];
                }
                ClosedForm network(golden_network);
                if (boundary == Boundary::adiabatic)
                    CHECK(largest_difference(to_doubles(ddpm.sample(network, request)), x) <
                          1e-5 * std::max(1.0, largest_value(x)));
                const Doubles expected = each_channel(power(heat_matrix(scheme, 5, 4), -levels), x, 2);
                CHECK(largest_difference(to_doubles(hdm.sample(network, request)), expected) <
                      3e-5 * std::max(1.0, largest_value(expected)));
            }
}

TEST_CASE("HDM reports its heat, and refuses what cannot be undone with what would do") {
    // The table of docs/math.md: N = 1000, θ = ½, 64×64.
    const ImageSize size{64, 64, 1};
    struct Row {
        double heat, log10_condition, last_gain;
    };
    for (const Row& row : {Row{0.25, 0.9, 0.07}, Row{0.5, 1.7, 0.5}, Row{1, 3.5, 30}}) {
        const auto process = make_process({.kind = "hdm", .heat = row.heat}, size, Device::cpu);
        const auto report = process->report();
        CHECK(value_of(report, "log10_condition") == doctest::Approx(row.log10_condition).epsilon(0.05));
        CHECK(value_of(report, "last_step_error_gain") == doctest::Approx(row.last_gain).epsilon(0.1));
        CHECK(value_of(report, "heat") == doctest::Approx(row.heat));
        CHECK(value_of(report, "eigenvalue_largest") == doctest::Approx(1));
        const double k = row.heat / 1000;
        CHECK(value_of(report, "eigenvalue_smallest") == doctest::Approx((1 - 4 * k) / (1 + 4 * k)));
        int lost = 0;
        for (const double lambda : heat_eigenvalues({k, 0.5, Boundary::adiabatic}, 64, 64))
            lost += std::pow(lambda, 1000) < 1e-3;
        CHECK(value_of(report, "modes_lost") == lost);
        CHECK((lost > 0) == (row.heat == 1));
    }
    const auto refusal = [&](const ProcessConfig& config) {
        return error_of([&] { (void)make_process(config, size, Device::cpu); });
    };
    const auto says = [](const std::string& text, const char* part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    // The paper's own setting.
    const std::string literal = refusal({.kind = "hdm", .k = 0.095});
    for (const char* part :
         {"K = 0.095", "N = 1000", "10^347.5", "condition_limit = 1e+04", "4066 of the 4096 modes",
          "K = 0.00115", "process.heat = 1.15", "process.steps = 11", "process.gain_floor = 0.0001"})
        says(literal, part);
    CHECK(literal.find('\n') == std::string::npos);
    // What it offers is taken.
    CHECK(refusal({.kind = "hdm", .k = 0.00115}) == "no error");
    CHECK(refusal({.kind = "hdm", .heat = 1.15}) == "no error");
    CHECK(refusal({.kind = "hdm", .steps = 11, .k = 0.095}) == "no error");
    CHECK(refusal({.kind = "hdm", .k = 0.095, .gain_floor = 0.0001}) == "no error");
    CHECK(refusal({.kind = "hdm", .heat = 1.2}) != "no error");
    CHECK(refusal({.kind = "hdm", .steps = 12, .k = 0.095}) != "no error");
    CHECK(refusal({.kind = "hdm", .heat = 1.2, .condition_limit = 1e5}) == "no error");

    const std::string negative = refusal({.kind = "hdm", .k = 0.13, .theta = 1});
    says(negative, "smallest eigenvalue of A is -0.04");
    says(negative, "cannot be undone");
    CHECK(refusal({.kind = "hdm", .steps = 4, .k = 0.3, .theta = 0}) ==
          "no error"); // implicit: no bound on K
    says(refusal({.kind = "hdm", .k = 0.1, .heat = 1}), "set one of them");
    says(refusal({.kind = "hdm", .theta = 1.5}), "theta");
    says(refusal({.kind = "hdm", .boundary = "periodic"}), "adiabatic, half-sample or fixed");
    says(refusal({.kind = "hdm", .input = "w"}), "u, v or normalised");
    says(refusal({.kind = "hdm", .gain_floor = 1}), "gain_floor");
    says(refusal({.kind = "hdm", .condition_limit = 1}), "condition_limit");

    // A floor is one of λ: the identities hold with the floored A, and it says how many modes it touched.
    const auto floored =
        make_process({.kind = "hdm", .steps = 10, .k = 0.1, .boundary = "half-sample", .gain_floor = 0.01},
                     {4, 3, 1}, Device::cpu);
    int touched = 0;
    for (const double lambda : heat_eigenvalues({0.1, 0.5, Boundary::half_sample}, 4, 3))
        touched += std::pow(lambda, 10) < 0.01;
    CHECK(touched > 0);
    CHECK(touched < 12);
    CHECK(value_of(floored->report(), "modes_floored") == touched);
    CHECK(value_of(floored->report(), "log10_condition") == doctest::Approx(2));
}

TEST_CASE("the DCT-I takes tables that share their noise and no others") {
    class Any : public DiagonalProcess {
    public:
        explicit Any(const DiagonalModel& model) : DiagonalProcess({2, 2, 1}, model, Device::cpu) {}
        std::string name() const override { return "any"; }
        std::vector<TableColumn> tables() const override { return {}; }
    };
    const auto model = [](Basis basis, double last) {
        const Doubles log_a{0, 0, 0, 0, -1, -2, -3, -1, -2, -3, -4, last};
        Doubles log_s(4, -INFINITY);
        log_s.insert(log_s.end(), 8, 0.0);
        return DiagonalModel{basis, DiagonalTables(2, 4, log_a, log_s), Doubles(4, 1.0)};
    };
    CHECK_NOTHROW(Any(model(Basis::dct1, -2)));
    CHECK_NOTHROW(Any(model(Basis::dct2, -2.5)));
    CHECK(error_of([&] { (void)Any(model(Basis::dct1, -2.5)); }).find("not orthonormal") !=
          std::string::npos);
}

TEST_SUITE_END();
