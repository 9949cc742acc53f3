#include "processes/operators/heat_semigroup.h"
#include "processes/operators/laplacian.h"
#include "processes/operators/modes.h"
#include "support.h"
#include "tests/reference/heat_operator.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Doubles wave(int64_t count) {
    Doubles values;
    for (int64_t i = 0; i < count; ++i) values.push_back(std::sin(double(i * i)) + 0.1);
    return values;
}

/// e^{tL}u by its Taylor series, the matrix halved until it is small.
Doubles exponential(const reference::SquareMatrix& l, double t, Doubles u) {
    const int steps = std::max(1, int(std::ceil(16 * t)));
    for (int step = 0; step < steps; ++step) {
        Doubles term = u;
        for (int k = 1; k <= 25; ++k) {
            Doubles next(u.size(), 0.0);
            for (int i = 0; i < l.n; ++i)
                for (int j = 0; j < l.n; ++j) next[size_t(i)] += l.at(i, j) * term[size_t(j)] * t / steps / k;
            term = next;
            for (size_t i = 0; i < u.size(); ++i) u[i] += term[i];
        }
    }
    return u;
}

} // namespace

TEST_CASE("heat semigroup: e^{tL} against the series of the literal Laplacian") {
    for (const Boundary boundary : {Boundary::adiabatic, Boundary::half_sample, Boundary::fixed})
        for (const auto& [height, width] : {std::pair{1, 1}, {1, 6}, {5, 1}, {4, 7}, {2, 3}})
            for (const double t : {0.0, 0.3, 2.5}) {
                CAPTURE(name_of(boundary));
                CAPTURE(height * 100 + width);
                const Doubles image = wave(height * width);
                const Doubles expected =
                    exponential(reference::laplacian(name_of(boundary)[0], height, width), t, image);
                const ModeGains gains{heat_gains(boundary, HeatReading::discrete, t, height, width), {}};
                Doubles result(image.size());
                scale_modes(basis_of(boundary), image.data(), result.data(), 1, height, width, 1, gains);
                CHECK(largest_difference(result, expected) < 1e-12);
                const Tensor single =
                    scale_modes(basis_of(boundary), to_tensor(Shape{1, height, width, 1}, image), gains);
                CHECK(largest_difference(to_doubles(single), expected) < 2e-6);
            }
}

TEST_CASE("heat semigroup: a blur is IHDM's, and gains have a row for each image") {
    const Shape shape{2, 6, 9, 3};
    const Doubles images = wave(shape.count());
    Doubles result(images.size());
    ModeGains gains{blur_gains(2.0, 6, 9), {1, 0}};
    const std::vector<double> none(54, 1.0);
    gains.rows.insert(gains.rows.end(), none.begin(), none.end());
    scale_modes(Basis::dct2, images.data(), result.data(), 2, 6, 9, 3, gains);
    const Doubles blurred = blur(images, shape, 2.0);
    const auto half = std::ptrdiff_t(images.size() / 2);
    const auto first = [&](const Doubles& x) { return Doubles(x.begin(), x.begin() + half); };
    const auto second = [&](const Doubles& x) { return Doubles(x.begin() + half, x.end()); };
    CHECK(largest_difference(first(result), first(images)) < 1e-13);
    CHECK(largest_difference(second(result), second(blurred)) < 1e-13);
    const Tensor single = scale_modes(Basis::dct2, to_tensor(shape, images), gains);
    CHECK(largest_difference(to_doubles(single), result) < 2e-6);
}

TEST_CASE("heat semigroup: refusals") {
    for (const double t : {-1.0, double(NAN), double(INFINITY)})
        CHECK_THROWS_AS(heat_gains(Boundary::fixed, HeatReading::discrete, t, 4, 4), Error);
    CHECK_THROWS_AS(blur_gains(-1, 4, 4), Error);
    CHECK(error_of([] {
              heat_gains(Boundary::fixed, HeatReading::continuous, 1, 4, 4);
          }).find("expected half-sample") != std::string::npos);
    CHECK_THROWS_AS(heat_reading_from_name("exact"), Error);
    CHECK_THROWS_AS(axis_difference(Boundary::fixed, 0), Error);
    CHECK_THROWS_AS(scale_modes(Basis::pixel, Tensor::zeros(Shape{1, 2, 2, 1}, Dtype::f32, Device::cpu),
                                ModeGains{{1, 1, 1, 1}, {}}),
                    Error);
}

TEST_SUITE_END();
