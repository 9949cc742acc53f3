#include "processes/operators/literal_sampler.h"
#include "processes/operators/operator_solver.h"
#include "support.h"
#include "tests/reference/heat_operator.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Doubles random_images(int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Doubles values;
    for (int64_t i = 0; i < count; ++i) values.push_back(normal(random));
    return values;
}

char letter_of(Boundary boundary) {
    return name_of(boundary)[0];
}

/// A^power of each channel of an image H×W×C by the literal matrices.
Doubles literal(const HeatScheme& scheme, int height, int width, int channels, int power,
                const Doubles& image) {
    const reference::SquareMatrix l = reference::laplacian(letter_of(scheme.boundary), height, width);
    const reference::SquareMatrix s = reference::heat_s(l, scheme.k, scheme.theta),
                                  t = reference::heat_t(l, scheme.k, scheme.theta);
    Doubles result(image.size());
    for (size_t c = 0; c < size_t(channels); ++c) {
        Doubles plane;
        for (size_t e = c; e < image.size(); e += size_t(channels)) plane.push_back(image[e]);
        plane = reference::heat_power(s, t, power, plane);
        for (size_t p = 0; p < plane.size(); ++p) result[p * size_t(channels) + c] = plane[p];
    }
    return result;
}

Doubles applied(const OperatorSolver& solver, const Doubles& images, int64_t count, int channels,
                const std::vector<int>& powers, SolverStatistics* statistics = nullptr) {
    Doubles result(images.size());
    solver.apply(images.data(), result.data(), count, channels, powers, statistics);
    return result;
}

constexpr Boundary boundaries[] = {Boundary::adiabatic, Boundary::half_sample, Boundary::fixed};

/// What f64 can promise: rounding, and what A^n makes of it.
double allowed(const OperatorSolver& solver, int power) {
    return std::max(1e-10, 1e-14 * solver.condition(power));
}

std::vector<SolverMethod> available_methods() {
    std::vector<SolverMethod> methods;
    for (const SolverMethod method : solver_methods())
        if (is_available(method)) methods.push_back(method);
    return methods;
}

} // namespace

TEST_CASE("operators: every solver against the paper's matrices, all boundaries, θ, powers and shapes") {
    const struct {
        int height, width, channels;
    } sizes[] = {{1, 1, 1}, {1, 7, 1}, {5, 1, 2}, {2, 2, 1}, {3, 3, 3}, {7, 11, 1}, {2, 9, 1}};
    for (const auto& size : sizes)
        for (const Boundary boundary : boundaries)
            for (const double theta : {0.0, 0.5, 1.0}) {
                const HeatScheme scheme{theta == 0.0 ? 1.7 : 0.11, theta, boundary};
                const Doubles image = random_images(int64_t(size.height) * size.width * size.channels, 5);
                for (int power = -3; power <= 5; ++power) {
                    const Doubles expected =
                        literal(scheme, size.height, size.width, size.channels, power, image);
                    for (const SolverMethod method : available_methods()) {
                        CAPTURE(name_of(method));
                        CAPTURE(fmt::format("{}×{}×{} {} theta {} power {}", size.height, size.width,
                                            size.channels, name_of(boundary), theta, power));
                        const auto solver = make_operator_solver(method, scheme, size.height, size.width);
                        const Doubles result = applied(*solver, image, 1, size.channels, {power});
                        CHECK(largest_difference(result, expected) <=
                              allowed(*solver, power) * largest_value(expected));
                    }
                }
            }
}

TEST_CASE("operators: large powers, many images at powers of their own, and f32") {
    const int height = 6, width = 10, channels = 3;
    const int64_t elements = height * width * channels;
    for (const Boundary boundary : boundaries) {
        const HeatScheme scheme{0.004, 0.5, boundary};
        const std::vector<int> powers{1000, 0, -1, 17, 1000, -400, 3, 0, -2, 64, 1};
        const auto count = int64_t(powers.size());
        const Doubles images = random_images(count * elements, 6);
        Doubles expected;
        for (size_t i = 0; i < powers.size(); ++i) {
            const Doubles image(images.begin() + int64_t(i) * elements,
                                images.begin() + int64_t(i + 1) * elements);
            const Doubles one = literal(scheme, height, width, channels, powers[i], image);
            expected.insert(expected.end(), one.begin(), one.end());
        }
        const std::vector<float> rounded(images.begin(), images.end());
        for (const SolverMethod method : available_methods()) {
            CAPTURE(name_of(method));
            CAPTURE(name_of(boundary));
            const auto solver = make_operator_solver(method, scheme, height, width);
            SolverStatistics statistics;
            const Doubles result = applied(*solver, images, count, channels, powers, &statistics);
            std::vector<float> single(rounded.size());
            solver->apply(rounded.data(), single.data(), count, channels, powers);
            const Tensor tensor = solver->apply(
                Tensor::from_host(Shape{count, height, width, channels}, rounded, Device::cpu), powers);
            for (size_t i = 0; i < powers.size(); ++i) {
                CAPTURE(powers[i]);
                const auto part = [&](const auto& values) {
                    return Doubles(values.begin() + int64_t(i) * elements,
                                   values.begin() + int64_t(i + 1) * elements);
                };
                const Doubles want = part(expected);
                CHECK(largest_difference(part(result), want) <=
                      allowed(*solver, powers[i]) * largest_value(want));
                CHECK(largest_difference(part(single), want) <=
                      2e-6 * solver->condition(powers[i]) * largest_value(want));
                CHECK(largest_difference(part(tensor.to_host()), part(single)) == 0.0);
                if (powers[i] == 0 && method != SolverMethod::spectral)
                    CHECK(largest_difference(part(result), part(images)) == 0.0);
            }
            CHECK(statistics.flops > 0);
            CHECK(statistics.bytes > 0);
            if (method != SolverMethod::spectral) CHECK(statistics.solves == 3 * 2488);
            if (method == SolverMethod::iterative) {
                CHECK(statistics.most_iterations > 0);
                CHECK(statistics.iterations >= statistics.solves);
                CHECK(statistics.worst_residual <= SolverOptions{}.tolerance);
            }

            // In place, and one power for all.
            Doubles in_place = images;
            solver->apply(in_place.data(), in_place.data(), count, channels, powers);
            CHECK(largest_difference(in_place, result) == 0.0);
            CHECK(largest_difference(
                      applied(*solver, images, count, channels, {2}),
                      applied(*solver, images, count, channels, std::vector<int>(powers.size(), 2))) == 0.0);
        }
    }
}

TEST_CASE("operators: eigenvalues and condition numbers") {
    const auto solver =
        make_operator_solver(SolverMethod::spectral, {0.095, 0.5, Boundary::adiabatic}, 64, 64);
    CHECK(solver->smallest_eigenvalue() == doctest::Approx(0.62 / 1.38).epsilon(1e-12));
    CHECK(solver->largest_eigenvalue() == 1.0);
    CHECK(solver->log_condition(-1000) / std::log(10.0) ==
          doctest::Approx(347.5).epsilon(1e-4)); // docs/math.md
    CHECK(solver->condition(0) == 1.0);
    CHECK(std::isinf(solver->condition(1000)));
    CHECK(solver->eigenvalues().size() == 4096);

    // A is multiplication by λ on the eigenvectors: a cosine on the adiabatic boundary.
    const int height = 5, width = 8;
    const auto operated =
        make_operator_solver(SolverMethod::iterative, {0.2, 0.5, Boundary::adiabatic}, height, width);
    for (const auto& [k, l] : {std::pair{0, 0}, {1, 0}, {2, 3}, {4, 7}}) {
        Doubles mode;
        for (int i = 0; i < height; ++i)
            for (int j = 0; j < width; ++j)
                mode.push_back(std::cos(std::numbers::pi * k * i / (height - 1)) *
                               std::cos(std::numbers::pi * l * j / (width - 1)));
        Doubles expected = mode;
        for (double& value : expected) value *= operated->eigenvalues()[size_t(k * width + l)];
        CHECK(largest_difference(applied(*operated, mode, 1, 1, {1}), expected) < 1e-11);
    }
}

TEST_CASE("operators: what cannot be computed is refused with the numbers") {
    const auto refusal = [](SolverMethod method, HeatScheme scheme, int height = 8, int width = 8) {
        return error_of([&] { make_operator_solver(method, scheme, height, width); });
    };
    const Boundary adiabatic = Boundary::adiabatic;
    for (const SolverMethod method : available_methods()) {
        CAPTURE(name_of(method));
        CHECK(refusal(method, {0.26, 0.5, adiabatic}).find("K must be below 0.25 = 1/(0.5·8)") !=
              std::string::npos);
        CHECK(refusal(method, {0.13, 1.0, adiabatic}).find("below 0.125 = 1/(1·8)") != std::string::npos);
        CHECK(refusal(method, {0.26, 1.0, Boundary::half_sample}, 1, 2).find("no error") == 0); // 1/2
        CHECK(refusal(method, {100.0, 0.0, adiabatic}) == "no error");
        CHECK(refusal(method, {-0.1, 0.5, adiabatic}).find("K = -0.1") != std::string::npos);
        CHECK(refusal(method, {NAN, 0.5, adiabatic}).find("finite") != std::string::npos);
        CHECK(refusal(method, {INFINITY, 0.0, adiabatic}).find("finite") != std::string::npos);
        CHECK(refusal(method, {0.1, 1.5, adiabatic}).find("theta = 1.5") != std::string::npos);
        CHECK(refusal(method, {0.1, 0.5, adiabatic}, 0, 4).find("0×4") != std::string::npos);

        // At the bound itself T is singular: A has no inverse, and its positive powers are well.
        const auto singular = make_operator_solver(method, {0.125, 1.0, adiabatic}, 4, 4);
        const Doubles image = random_images(16, 7);
        CHECK(largest_difference(applied(*singular, image, 1, 1, {3}),
                                 literal(singular->scheme(), 4, 4, 1, 3, image)) < 1e-12);
        CHECK(std::isinf(singular->condition(1)));
        const std::string error = error_of([&] { applied(*singular, image, 1, 1, {-1}); });
        CHECK(error.find("A^-1 with K = 0.125 and theta = 1: T is singular") == 0);
        CHECK(error.find('\n') == std::string::npos);

        const auto solver = make_operator_solver(method, {0.2, 0.5, adiabatic}, 4, 4);
        CHECK(error_of([&] { applied(*solver, image, 1, 1, {-1000}); }).find("10^954.2, beyond f64") !=
              std::string::npos);
        CHECK(error_of([&] {
                  solver->apply(to_tensor(Shape{1, 4, 4, 1}, image), -50);
              }).find("beyond f32") != std::string::npos);
        CHECK(error_of([&] { applied(*solver, image, 1, 1, {1, 2}); }).find("got 2") != std::string::npos);
        CHECK(error_of([&] {
                  solver->apply(to_tensor(Shape{1, 2, 8, 1}, image), 1);
              }).find("N×4×4×C") != std::string::npos);
        CHECK(solver->apply(Tensor(Shape{0, 4, 4, 1}, Dtype::f32, Device::cpu), 3).count() == 0);
    }
    if (is_available(SolverMethod::dense))
        CHECK(refusal(SolverMethod::dense, {0.1, 0.5, adiabatic}, 65, 64).find("up to 4096 pixels") !=
              std::string::npos);

    CHECK(solver_method_from_name("sparse") == SolverMethod::sparse);
    CHECK_THROWS_WITH_AS(solver_method_from_name("lu"),
                         "unknown solver 'lu': expected spectral, dense, sparse or iterative", Error);
}

TEST_CASE("operators: conjugate gradients say when they do not converge") {
    const Doubles image = random_images(3 * 16 * 16, 8);
    const HeatScheme scheme{0.24, 0.5, Boundary::adiabatic};
    const auto hasty = make_operator_solver(SolverMethod::iterative, scheme, 16, 16,
                                            {.tolerance = 1e-12, .max_iterations = 7});
    const std::string error = error_of([&] { applied(*hasty, image, 3, 1, {-1}); });
    CHECK(error.find("conjugate gradients on T with K = 0.24 and theta = 0.5: a residual of") == 0);
    CHECK(error.find("after 7 iterations, expected 1e-12") != std::string::npos);
    // A looser tolerance is reached, and no more than it.
    const auto loose = make_operator_solver(SolverMethod::iterative, scheme, 16, 16,
                                            {.tolerance = 1e-3, .max_iterations = 100});
    SolverStatistics statistics;
    const Doubles near = applied(*loose, image, 3, 1, {1}, &statistics);
    CHECK(statistics.worst_residual <= 1e-3);
    CHECK(statistics.worst_residual > 1e-5);
    const double error_size = largest_difference(
        near, applied(*make_operator_solver(SolverMethod::spectral, scheme, 16, 16), image, 3, 1, {1}));
    CHECK(error_size < 1e-2);
    CHECK(error_size > 1e-7);
    // What is not finite ends with an error too.
    Doubles broken = image;
    broken[300] = NAN;
    CHECK(error_of([&] { applied(*loose, broken, 3, 1, {1}); }).find("a residual of inf") !=
          std::string::npos);
    for (const double tolerance : {0.0, 1.0, double(NAN)})
        CHECK_THROWS_AS(make_operator_solver(SolverMethod::iterative, scheme, 4, 4, {.tolerance = tolerance}),
                        Error);
    CHECK_THROWS_AS(make_operator_solver(SolverMethod::iterative, scheme, 4, 4, {.max_iterations = 0}),
                    Error);
}

TEST_CASE("operators: larger images, solver against solver") {
    const int height = 37, width = 64;
    for (const Boundary boundary : boundaries) {
        const HeatScheme scheme{0.21, 0.5, boundary};
        const Doubles images = random_images(6 * height * width, 9);
        const auto spectral = make_operator_solver(SolverMethod::spectral, scheme, height, width);
        for (const int power : {4, -2}) {
            const Doubles expected = applied(*spectral, images, 6, 1, {power});
            for (const SolverMethod method : {SolverMethod::sparse, SolverMethod::iterative}) {
                if (!is_available(method)) continue;
                CAPTURE(name_of(method));
                CAPTURE(power);
                const auto solver = make_operator_solver(method, scheme, height, width);
                CHECK(largest_difference(applied(*solver, images, 6, 1, {power}), expected) <=
                      allowed(*solver, power) * largest_value(expected));
                CHECK((method == SolverMethod::iterative || solver->memory_bytes() > 0));
            }
        }
    }
}

TEST_CASE("operators: the paper's dense sampling step is a pair of powers and no Cholesky factor") {
    if (!is_available(SolverMethod::dense)) return;
    const int height = 3, width = 4, points = height * width, levels = 5, level = 3;
    const HeatScheme scheme{0.08, 0.5,
                            Boundary::half_sample}; // symmetric, so that Σ's factor is a power of A
    const LiteralSampler paper(scheme, height, width, levels);
    const double alpha = 0.8, alpha_bar = 0.6, before = alpha_bar / alpha;
    const Doubles u = random_images(points, 10), e = random_images(points, 11), none(size_t(points), 0.0);
    const auto power = [&](int n, const Doubles& image) {
        return literal(scheme, height, width, 1, n, image);
    };
    // docs/math.md: C_n = A⁻¹/√α_n, D_n = −(1−α_n)/√(α_n(1−ᾱ_n)) A^{n−1−N}, Σ_n = β̃_n A^{n−1−N}(A^{n−1−N})ᵀ.
    const Doubles c = power(-1, u), d = power(level - 1 - levels, e);
    Doubles mean;
    for (size_t p = 0; p < u.size(); ++p)
        mean.push_back(c[p] / std::sqrt(alpha) - (1 - alpha) / std::sqrt(alpha * (1 - alpha_bar)) * d[p]);
    CHECK(largest_difference(paper.step(level, alpha, alpha_bar, u, e, none, 1), mean) < 1e-12);

    // L Lᵀ, column by column.
    const double variance = (1 - alpha) * (1 - before) / (1 - alpha_bar);
    std::vector<Doubles> factor;
    for (int p = 0; p < points; ++p) {
        Doubles unit(size_t(points), 0.0);
        unit[size_t(p)] = 1;
        factor.push_back(paper.step(level, alpha, alpha_bar, none, none, unit, 1));
    }
    for (int p = 0; p < points; ++p) {
        Doubles unit(size_t(points), 0.0), covariance(size_t(points), 0.0);
        unit[size_t(p)] = variance;
        for (int q = 0; q < points; ++q)
            for (int r = 0; r < points; ++r)
                covariance[size_t(q)] += factor[size_t(r)][size_t(p)] * factor[size_t(r)][size_t(q)];
        CHECK(largest_difference(covariance, power(2 * (level - 1 - levels), unit)) < 1e-12);
    }
    CHECK_THROWS_AS(paper.step(1, alpha, alpha_bar, u, e, none, 1), Error);
}

TEST_SUITE_END();
