#include "bench/kernel_cases.h"
#include "engine/ops/activation.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/loss.h"
#include "engine/parameters.h"
#include "kernels/error.h"
#include "kernels/memory.h"
#include "tests/ops/op_table.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <string>

namespace heat {
namespace {

std::vector<Device> devices() {
    if (kernels::cuda_device_count() > 0) return {Device::cpu, Device::cuda};
    return {Device::cpu};
}

/// One op with random inputs on a device, and the same numbers as the oracle reads them.
class TestBench {
public:
    TestBench(const OracleCase& tested, Dtype dtype, Device device) : case_(tested) {
        const bench::OpCase& op_case = tested.op;
        for (size_t i = 0; i < op_case.parameters.size(); ++i)
            parameters_.push_back(
                store_.add(std::string(1, char('a' + i)), op_case.parameters[i], Initialization::zeros()));
        store_.allocate(device, 0);
        store_.allocate_gradients();
        for (size_t i = 0; i < op_case.parameters.size(); ++i) {
            parameter_values_.push_back(random(op_case.parameters[i], 100 + i));
            store_.from_file_layout(i, reference::stored<float>(parameter_values_.back()), store_.values());
        }
        store_.values_changed();
        for (size_t i = 0; i < op_case.inputs.size(); ++i) {
            std::vector<double> values = random(op_case.inputs[i], i);
            if (dtype == Dtype::bf16)
                values =
                    reference::widened(reference::stored<bf16>(values)); // both read what a bf16 can hold
            inputs_.emplace_back(
                Tensor::from_host(op_case.inputs[i], reference::stored<float>(values), device).to(dtype),
                true);
            input_values_.push_back(std::move(values));
        }
    }

    Variable forward() const { return case_.op.op(inputs_, parameters_); }
    std::vector<double> expected() const { return case_.oracle(input_values_, parameter_values_); }

    /// Gradient of <cotangent, op> by central differences of the oracle at some coordinates of array `which`
    /// (inputs first, then parameters).
    std::vector<double> numeric_gradient(size_t which, const std::vector<double>& cotangent,
                                         const std::vector<size_t>& coordinates) {
        std::vector<double>& values = which < input_values_.size()
                                          ? input_values_[which]
                                          : parameter_values_[which - input_values_.size()];
        constexpr double step = 1e-4;
        std::vector<double> gradient;
        for (const size_t i : coordinates) {
            const double kept = values[i];
            values[i] = kept + step;
            const double above = inner_product(expected(), cotangent);
            values[i] = kept - step;
            gradient.push_back((above - inner_product(expected(), cotangent)) / (2 * step));
            values[i] = kept;
        }
        return gradient;
    }

    std::vector<double> gradient(size_t which) {
        if (which < inputs_.size()) return reference::widened(inputs_[which].gradient().to_host());
        return reference::widened(store_.to_file_layout(which - inputs_.size(), store_.gradients()));
    }

    size_t arrays() const { return inputs_.size() + parameters_.size(); }

private:
    static std::vector<double> random(const Shape& shape, uint64_t seed) {
        return reference::widened(
            reference::stored<float>(reference::random_values(size_t(shape.count()), seed)));
    }
    static double inner_product(const std::vector<double>& a, const std::vector<double>& b) {
        REQUIRE(a.size() == b.size());
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.);
    }

    const OracleCase& case_;
    ParameterStore store_;
    std::vector<Parameter> parameters_;
    std::vector<Variable> inputs_;
    Arrays input_values_, parameter_values_;
};

/// All coordinates of a small array, a spread of a large one.
std::vector<size_t> probes(size_t count) {
    std::vector<size_t> coordinates;
    const size_t wanted = std::min<size_t>(count, 48);
    for (size_t i = 0; i < wanted; ++i) coordinates.push_back(i * count / wanted);
    return coordinates;
}

void check_case(const OracleCase& op_case, Dtype dtype, Device device) {
    INFO(op_case.op.name() << ", " << name_of(dtype) << ", " << name_of(device));
    const double tolerance = dtype == Dtype::f32 ? op_case.f32_tolerance : op_case.bf16_tolerance;
    TestBench bench(op_case, dtype, device);
    {
        const Variable silent = bench.forward();
        CHECK_FALSE(silent.requires_grad()); // without a tape nothing is kept
    }
    Tape tape;
    const Variable y = bench.forward();
    CHECK(reference::nmse(reference::widened(y.value().to_host()), bench.expected()) <= tolerance);

    // A squared error whose gradient at y is the cotangent: Σ (y − target)², target = y − cotangent/2.
    const std::vector<double> cotangent = reference::random_values(size_t(y.shape().count()), 999);
    std::vector<float> target = y.value().to_host();
    for (size_t i = 0; i < target.size(); ++i) target[i] -= float(cotangent[i] / 2);
    tape.backward(squared_error(y, Tensor::from_host(y.shape(), target, device), Tensor(), 1.f).loss);
    for (size_t which = 0; which < bench.arrays(); ++which) {
        const std::vector<double> gradient = bench.gradient(which);
        const std::vector<size_t> coordinates = probes(gradient.size());
        std::vector<double> probed;
        probed.reserve(coordinates.size());
        for (const size_t i : coordinates) probed.push_back(gradient[i]);
        INFO("gradient of array " << which);
        CHECK(reference::nmse(probed, bench.numeric_gradient(which, cotangent, coordinates)) <= tolerance);
    }
}

} // namespace

TEST_SUITE("ops") {
    TEST_CASE("op table: forward against oracles, gradients against finite differences") {
        for (const OracleCase& op_case : op_table())
            for (const Device device : devices()) {
                check_case(op_case, Dtype::f32, device);
                if (!op_case.op.f32_only) check_case(op_case, Dtype::bf16, device);
            }
    }

    TEST_CASE("op table: every op has an oracle and a size at which it is timed") {
        std::set<std::string> tested, timed;
        for (const OracleCase& op_case : op_table()) tested.insert(op_case.op.family);
        for (const bench::OpFamily& family : bench::op_families()) {
            INFO(family.name);
            CHECK_FALSE(family.timed.empty());
            for (const bench::OpCase& op_case : family.timed) CHECK(op_case.family == family.name);
            CHECK(timed.insert(family.name).second);
        }
        CHECK(tested == timed);
        for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
            for (const bench::KernelCase& kernel : bench::kernel_cases(dtype)) {
                INFO(kernel.family);
                CHECK(std::filesystem::exists(fmt::format("{}/tests/{}", HEAT_SOURCE_DIR, kernel.oracle)));
            }
    }

    TEST_CASE("dropout keeps its rate, scales what it keeps, and its gradient has the same mask") {
        const RandomState random(7, Device::cpu);
        const Variable x(Tensor::full(Shape{3, 1000}, 1.f, Device::cpu), true);
        Tape tape;
        const Variable y = dropout(x, 0.25f, random, 3);
        const std::vector<float> values = y.value().to_host();
        const auto kept = std::count_if(values.begin(), values.end(), [](float v) { return v != 0.f; });
        CHECK(double(kept) == doctest::Approx(2250).epsilon(0.04)); // four standard deviations are 95
        for (const float v : values) CHECK((v == 0.f || v == doctest::Approx(1.f / 0.75f)));
        tape.backward(
            squared_error(y, Tensor::zeros(y.shape(), Dtype::f32, Device::cpu), Tensor(), 0.5f).loss);
        const std::vector<float> gradient = x.gradient().to_host();
        for (size_t i = 0; i < values.size(); ++i) CHECK(gradient[i] == doctest::Approx(values[i] / 0.75f));
        CHECK(dropout(x, 0.25f, random, 4).value().to_host() != values); // another layer, another mask
        CHECK_THROWS_WITH_AS(dropout(x, 1.f, random, 0), "dropout: rate must lie in [0, 1), got 1", Error);
    }

    TEST_CASE("a shape that does not fit is refused with both shapes") {
        ParameterStore store;
        const Parameter weight = store.add("w", Shape{4, 3, 3, 5}, Initialization::zeros());
        store.allocate(Device::cpu, 0);
        const Variable x(Tensor::zeros(Shape{1, 6, 6, 3}, Dtype::f32, Device::cpu));
        CHECK_THROWS_WITH_AS(conv2d(x, weight, Parameter()),
                             "conv2d: input 1×6×6×3 (N×H×W×I) does not fit weight 4×3×3×5 (O×KH×KW×I) of w",
                             Error);
        CHECK_THROWS_AS(add(x, Variable(Tensor::zeros(Shape{1, 6, 6, 4}, Dtype::f32, Device::cpu))), Error);
        CHECK_THROWS_AS(add(x, Variable(Tensor::zeros(Shape{1, 6, 6, 3}, Dtype::bf16, Device::cpu))), Error);
    }

    TEST_CASE("a tape runs once, from a scalar, and one at a time") {
        const Variable x(Tensor::full(Shape{2}, 3.f, Device::cpu), true);
        Tape tape;
        CHECK_THROWS_WITH_AS(Tape(), "this thread already records on a tape: finish that one first", Error);
        const Variable y = silu(x);
        CHECK_THROWS_AS(tape.backward(y), Error);
        const Variable loss =
            squared_error(y, Tensor::zeros(Shape{2}, Dtype::f32, Device::cpu), Tensor(), 1.f).loss;
        tape.backward(loss);
        CHECK(x.gradient().defined());
        CHECK_THROWS_WITH_AS(tape.backward(loss), "backward was called twice: the first call freed the tape",
                             Error);
    }
}

} // namespace heat
