#include "processes/basis_step.h"
#include "processes/combination.h"
#include "support.h"

#include <doctest/doctest.h>

#include <random>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

namespace {

Tensor random_tensor(const Shape& shape, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Doubles values;
    for (int64_t i = 0; i < shape.count(); ++i) values.push_back(normal(random));
    return to_tensor(shape, values);
}

} // namespace

TEST_SUITE_BEGIN("processes");

TEST_CASE("basis step: the same as its parts, in every basis") {
    const Shape shape{3, 6, 9, 2};
    for (const Basis basis : {Basis::pixel, Basis::dct1, Basis::dct2, Basis::dst1}) {
        CAPTURE(name_of(basis));
        const int width = basis == Basis::pixel ? 1 : 54;
        const Tensor rows = Tensor::from_host(Shape{3}, std::vector<int32_t>{2, 0, 1}, Device::cpu);
        const Tensor pixels = random_tensor(shape, 1), more = random_tensor(shape, 2),
                     noise = random_tensor(shape, 3);
        const Tensor a = random_tensor(Shape{3, width}, 4), b = random_tensor(Shape{3, width}, 5),
                     c = random_tensor(Shape{3, width}, 6), d = random_tensor(Shape{3, width}, 7);
        Tensor state = random_tensor(shape, 8);

        Tensor expected(shape, Dtype::f32, Device::cpu), scaled(shape, Dtype::f32, Device::cpu);
        combine({{state, a}, {to_basis(basis, pixels), b}, {noise, c}}, rows.data<int32_t>(), expected);
        combine({{expected, {}}, {to_basis(basis, more), {}}}, nullptr, expected);
        combine({{expected, d}}, rows.data<int32_t>(), scaled);

        Tensor plain, with_table;
        basis_step(basis, {{state, a}, {pixels, b, true}, {noise, c}, {more, {}, true}}, rows.data<int32_t>(),
                   &state, {{&plain, {}}, {&with_table, d}});
        CHECK(largest_difference(to_doubles(state), to_doubles(expected)) < 1e-5);
        CHECK(largest_difference(to_doubles(plain), to_doubles(from_basis(basis, expected))) < 1e-5);
        CHECK(largest_difference(to_doubles(with_table), to_doubles(from_basis(basis, scaled))) < 1e-5);
    }
}

TEST_CASE("basis step: what does not fit is refused") {
    const Tensor x = random_tensor(Shape{2, 3, 4, 1}, 1), other = random_tensor(Shape{2, 4, 3, 1}, 1),
                 wide = random_tensor(Shape{1, 12}, 2), narrow = random_tensor(Shape{1, 1}, 2);
    Tensor y;
    CHECK_THROWS_AS(basis_step(Basis::dct2, {}, nullptr, nullptr, {{&y, {}}}), Error);
    CHECK_THROWS_AS(basis_step(Basis::dct2, {{x, {}}, {other, {}}}, nullptr, nullptr, {{&y, {}}}), Error);
    CHECK_THROWS_AS(basis_step(Basis::dct2, {{x, wide}, {x, narrow}}, nullptr, nullptr, {{&y, {}}}), Error);
    CHECK_THROWS_AS(basis_step(Basis::dct2, {{x, {}}}, nullptr, nullptr, {}), Error);
}

TEST_SUITE_END();
