#include "kernels/diagonal_step.h"
#include "kernels/error.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/transform.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

namespace heat::kernels {
namespace {

struct Size {
    int images, height, width, channels;
    size_t count() const { return size_t(images) * size_t(points()) * size_t(channels); }
    int points() const { return height * width; }
};

// One, two and more blocks of rows and columns, whole and not.
constexpr Size sizes[] = {{2, 1, 1, 1},   {3, 2, 5, 3},   {2, 28, 28, 1},
                          {3, 17, 31, 3}, {2, 32, 16, 2}, {1, 100, 97, 1}};
constexpr int table_rows = 3;

struct Operand {
    bool pixels, with_table;
};

/// What a case asks for.
struct Form {
    std::vector<Operand> operands;
    bool coefficients;
    std::vector<bool> results; ///< whether each has a table
    bool in_place = false;     ///< coefficients over the first operand, results over the last ones
};

const Form forms[] = {
    {{{true, true}}, false, {false}},                                                 // a spectral multiplier
    {{{true, false}}, false, {true, true}},                                           // a blur at two levels
    {{{true, true}, {false, true}}, true, {false}},                                   // the forward process
    {{{false, true}, {true, true}, {false, true}}, true, {true}},                     // a sampler's step
    {{{false, true}, {false, true}, {true, true}, {false, true}}, true, {}},          // four operands
    {{{false, true}, {true, true}, {false, true}, {true, true}}, true, {true}, true}, // in place
    {{{true, true}}, false, {true}, true},
    {{{false, false}}, false, {false}},
};

class Case {
public:
    Case(const Stream& stream, const Form& form, Size s, TransformKind kind, bool per_point, bool chosen_rows)
        : stream_(stream), form_(form), s_(s), kind_(kind), width_(per_point ? s.points() : 1) {
        for (int i = 0; chosen_rows && i < s.images; ++i) rows_.push_back((2 + 2 * i) % table_rows);
    }

    void check(TransformMethod method) {
        DiagonalStep step;
        step.kind = kind_;
        step.images = s_.images;
        step.height = s_.height;
        step.width = s_.width;
        step.channels = s_.channels;
        step.table_width = width_;
        DeviceArray<int32_t> rows(stream_, rows_);
        step.rows = rows.data();
        std::vector<double> sum(s_.count(), 0.0);
        for (size_t k = 0; k < form_.operands.size(); ++k) {
            const auto data = keep(s_.count(), 20 + k);
            DiagonalOperand& operand = step.operands[3 - k]; // the absent ones come first
            operand.data = arrays_.back()->data();
            operand.pixels = form_.operands[k].pixels;
            std::vector<double> value =
                operand.pixels ? reference::transform(kind_, data, s_.height, s_.width, s_.channels) : data;
            if (form_.operands[k].with_table) value = times_table(value, operand.table, 30 + k);
            for (size_t i = 0; i < value.size(); ++i) sum[i] += value[i];
        }
        std::vector<std::vector<double>> expected;
        std::vector<DeviceArray<float>*> actual;
        DeviceArray<float> coefficients(stream_, s_.count()), first(stream_, s_.count()),
            second(stream_, s_.count());
        if (form_.coefficients) {
            expected.push_back(sum);
            actual.push_back(form_.in_place ? arrays_[0].get() : &coefficients);
            step.coefficients = actual.back()->data();
        }
        DeviceArray<float>* made[] = {&first, &second};
        for (size_t m = 0; m < form_.results.size(); ++m) {
            DiagonalResult& result = step.results[m];
            DeviceArray<float>* to = form_.in_place ? last_operand_ : made[m];
            std::vector<double> value = sum;
            if (form_.results[m]) value = times_table(sum, result.table, 40 + m);
            expected.push_back(
                reference::transform(inverse_of(kind_), value, s_.height, s_.width, s_.channels));
            actual.push_back(to);
            result.pixels = to->data();
        }
        DeviceArray<float> workspace(stream_, size_t(diagonal_step_workspace_floats(stream_, step, method)));
        diagonal_step(stream_, step, workspace.data(), method);
        for (size_t i = 0; i < expected.size(); ++i) {
            CAPTURE(i);
            CHECK(reference::nmse(reference::widened(actual[i]->host()), expected[i]) < 1e-12);
        }
    }

private:
    /// Random data on the device, and as the oracle reads them.
    std::vector<double> keep(size_t count, size_t seed) {
        auto values = reference::random_stored<float>(count, seed);
        arrays_.push_back(std::make_unique<DeviceArray<float>>(stream_, values.stored));
        if (seed < 30) last_operand_ = arrays_.back().get();
        return values.exact;
    }

    std::vector<double> times_table(std::vector<double> value, const float*& table, size_t seed) {
        const std::vector<double> factors = keep(size_t(table_rows) * size_t(width_), seed);
        table = arrays_.back()->data();
        const auto each = value.size() / size_t(s_.images);
        for (size_t i = 0; i < value.size(); ++i) {
            const size_t row = rows_.empty() ? 0 : size_t(rows_[i / each]);
            const size_t point = width_ == 1 ? 0 : i % each / size_t(s_.channels);
            value[i] *= factors[row * size_t(width_) + point];
        }
        return value;
    }

    const Stream& stream_;
    const Form& form_;
    Size s_;
    TransformKind kind_;
    int width_;
    std::vector<int32_t> rows_;
    std::vector<std::unique_ptr<DeviceArray<float>>> arrays_;
    DeviceArray<float>* last_operand_ = nullptr;
};

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("diagonal step: every form of it, by every method, against loops") {
    for (const Stream& stream : test_streams())
        for (const Form& form : forms)
            for (const Size& size : sizes)
                for (const TransformMethod method :
                     {TransformMethod::automatic, TransformMethod::matrix, TransformMethod::fft})
                    for (const bool per_point : {false, true}) {
                        INFO("form " << &form - forms << ", " << size.images << "×" << size.height << "×"
                                     << size.width << "×" << size.channels << ", method " << int(method)
                                     << ", a coefficient a point: " << per_point);
                        const bool chosen_rows = per_point || size.channels > 1;
                        Case(stream, form, size, TransformKind::dct2, per_point, chosen_rows).check(method);
                    }
}

TEST_CASE("diagonal step: every basis, and no rows") {
    for (const Stream& stream : test_streams())
        for (const TransformKind kind :
             {TransformKind::dct1, TransformKind::dst1, TransformKind::trapezoid_dct1})
            for (const TransformMethod method : {TransformMethod::matrix, TransformMethod::fft})
                for (const bool chosen_rows : {false, true})
                    Case(stream, forms[3], {3, 12, 21, 3}, kind, true, chosen_rows).check(method);
}

TEST_CASE("diagonal step: nothing to do, nothing to make and wrong sizes are refused") {
    float x = 1.f;
    DiagonalStep step;
    step.images = step.height = step.width = step.channels = 1;
    step.operands[1].data = &x;
    CHECK_THROWS_AS(diagonal_step({}, step, nullptr), Error);
    step.coefficients = &x;
    step.table_width = 2;
    CHECK_THROWS_AS(diagonal_step({}, step, nullptr), Error);
    step.table_width = 1;
    step.height = 0;
    CHECK_THROWS_AS(diagonal_step({}, step, nullptr), Error);
    step.height = 1;
    step.operands[1].data = nullptr;
    CHECK_THROWS_AS(diagonal_step({}, step, nullptr), Error);
}

TEST_SUITE_END();

} // namespace heat::kernels
