#include "engine/io/safetensors.h"
#include "kernels/clamp.h"
#include "kernels/levels.h"
#include "processes/basis.h"
#include "processes/heat_dissipation.h"
#include "support.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>
#include <random>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

Doubles random_values(int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(0.f, 1.f);
    Doubles values;
    for (int64_t i = 0; i < count; ++i) values.push_back(uniform(random));
    return values;
}

Doubles read_doubles(const SafetensorsFile& file, const std::string& name) {
    const SafetensorsEntry& entry = file.at(name);
    REQUIRE(entry.dtype == "F64");
    Doubles values(entry.bytes.size() / sizeof(double));
    std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
    return values;
}

} // namespace

TEST_CASE("DCT-II and its inverse against their definition") {
    for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{3, 7, 13, 1}, Shape{2, 5, 1, 3}, Shape{1, 1, 11, 2},
                               Shape{2, 28, 28, 1}, Shape{1, 17, 8, 3}, Shape{0, 4, 4, 1}}) {
        CAPTURE(shape.text());
        const Doubles values = random_values(shape.count(), 3);
        const Tensor x = to_tensor(shape, values);
        CHECK(largest_difference(to_doubles(to_basis(Basis::dct2, x)), dct2(values, shape, false)) < 1e-5);
        CHECK(largest_difference(to_doubles(from_basis(Basis::dct2, x)), dct2(values, shape, true)) < 1e-5);
        CHECK(largest_difference(to_doubles(from_basis(Basis::dct2, to_basis(Basis::dct2, x))), values) <
              3e-6);
        CHECK(largest_difference(to_doubles(to_basis(Basis::pixel, x)), values) == 0.0);
    }
    CHECK_THROWS_AS(to_basis(Basis::dct2, Tensor::zeros(Shape{2, 3, 4}, Dtype::f32, Device::cpu)), Error);
    CHECK_THROWS_AS(to_basis(Basis::dct2, Tensor::zeros(Shape{2, 3, 4, 1}, Dtype::bf16, Device::cpu)), Error);
}

TEST_CASE("transform, eigenvalues and blur agree with scipy") {
    const SafetensorsFile file(HEAT_SOURCE_DIR "/tests/golden/blur.safetensors");
    for (const auto& [height, width] : {std::pair{28, 28}, {7, 13}, {1, 5}, {5, 1}}) {
        const std::string size = fmt::format("{}x{}", height, width);
        CAPTURE(size);
        const Doubles images = read_doubles(file, size + ".images");
        const Shape shape{3, height, width, 1};
        const Tensor x = to_tensor(shape, images);
        CHECK(largest_difference(to_doubles(to_basis(Basis::dct2, x)), read_doubles(file, size + ".dct")) <
              1e-5);
        CHECK(largest_difference(eigenvalues(Basis::dct2, height, width),
                                 read_doubles(file, size + ".eigenvalues")) < 1e-12);

        // A schedule of two levels whose widths are the file's.
        for (const auto& [first, last] : {std::pair{0.5, 3.0}, {3.0, 20.0}}) {
            const HeatDissipation process({height, width, 1}, {2, first, last, 0.01, 0.0125}, Device::cpu);
            for (const int level : {1, 2}) {
                const double sigma = level == 1 ? first : last;
                const std::string name = fmt::format("{}.blur_{}", size, sigma);
                const Doubles expected = read_doubles(file, name);
                CHECK(largest_difference(to_doubles(process.blur(x, level)), expected) < 2e-6);
            }
        }
    }
}

TEST_CASE("channels are transformed one by one") {
    const Shape shape{2, 6, 9, 3};
    const Doubles values = random_values(shape.count(), 4);
    const Doubles together = to_doubles(to_basis(Basis::dct2, to_tensor(shape, values)));
    for (size_t c = 0; c < 3; ++c) {
        Doubles plane, expected;
        for (size_t i = c; i < values.size(); i += 3) {
            plane.push_back(values[i]);
            expected.push_back(together[i]);
        }
        CHECK(largest_difference(to_doubles(to_basis(Basis::dct2, to_tensor(Shape{2, 6, 9, 1}, plane))),
                                 expected) < 3e-6);
    }
}

TEST_CASE("levels are uniform, and a function of seed, step and image") {
    const int count = 7, images = 70000;
    std::vector<int32_t> levels(images);
    std::vector<float> timesteps(images);
    const uint32_t state[3] = {11, 22, 33};
    kernels::draw_levels(kernels::Stream{}, levels.data(), timesteps.data(), images, count, nullptr, nullptr,
                         -1.f, state, 5u << 16, 100);
    std::vector<double> histogram(count, 0.0);
    bool consistent = true;
    for (int i = 0; i < images; ++i) {
        histogram.at(size_t(levels[size_t(i)] - 1)) += 1;
        consistent = consistent && timesteps[size_t(i)] == float(levels[size_t(i)] - 1) &&
                     levels[size_t(i)] ==
                         1 + int(kernels::uniform_index(count, 100 + uint32_t(i), 33, 5u << 16, 11, 22));
    }
    CHECK(consistent);
    double chi_square = 0;
    for (const double n : histogram) chi_square += std::pow(n - 1e4, 2) / 1e4;
    CHECK(chi_square < 35); // 6 degrees of freedom: exceeded with probability 4e-6

    // 3·2³⁰ values from 2³² words: without rejection a third of the values would come twice as often as the
    // others.
    double multiples = 0;
    for (uint32_t i = 0; i < 20000; ++i)
        multiples += kernels::uniform_index(3u << 30, i, 0, 0, 1, 2) % 3 == 0;
    CHECK(std::abs(multiples / 20000 - 1.0 / 3) < 5 * std::sqrt(2.0 / 9 / 20000));
}

TEST_CASE("clamp limits and keeps NaN") {
    std::vector<float> x{-3.f, -1.f, 0.25f, 1.f, 7.f, NAN, INFINITY, -INFINITY, 0.5f};
    kernels::clamp(kernels::Stream{}, x.data(), -1.f, 1.f, x.data(), int64_t(x.size()));
    CHECK(std::isnan(x[5]));
    x[5] = 0;
    CHECK(x == std::vector<float>{-1.f, -1.f, 0.25f, 1.f, 1.f, 0.f, 1.f, -1.f, 0.5f});
}

TEST_SUITE_END();
