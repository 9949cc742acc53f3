#include "processes/basis_step.h"

#include "engine/profiler.h"
#include "kernels/diagonal_step.h"
#include "kernels/error.h"
#include "processes/combination.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat::processes {
namespace {

void check(const std::vector<StepOperand>& operands, const Tensor* coefficients,
           const std::vector<StepResult>& results) {
    using Step = kernels::DiagonalStep;
    if (operands.empty() || operands.size() > Step::most_operands || results.size() > Step::most_results)
        throw Error(fmt::format("basis step: expected 1 to {} operands and at most {} results, got {} and {}",
                                Step::most_operands, Step::most_results, operands.size(), results.size()));
    const Shape& shape = operands.front().data.shape();
    for (const StepOperand& o : operands) {
        expect_shape("basis step", o.data, shape);
        if (o.data.shape().rank() != 4 || o.data.dtype() != Dtype::f32)
            throw Error(fmt::format("basis step: expected f32 images of shape N×H×W×C, got {} of shape {}",
                                    name_of(o.data.dtype()), o.data.shape().text()));
    }
    if (coefficients) expect_shape("basis step", *coefficients, shape);
}

/// The width that all tables must have; 1 where there is none.
int table_width(const std::vector<StepOperand>& operands, const std::vector<StepResult>& results) {
    int64_t width = 0;
    const auto see = [&](const Tensor& table) {
        if (!table.defined()) return;
        if (width && table.shape().back() != width)
            throw Error(fmt::format("basis step: tables of widths {} and {}", width, table.shape().back()));
        width = table.shape().back();
    };
    for (const StepOperand& o : operands) see(o.table);
    for (const StepResult& r : results) see(r.table);
    return int(std::max<int64_t>(width, 1));
}

/// The step where pixels are the coefficients.
void step_in_pixels(const std::vector<StepOperand>& operands, const int32_t* rows, Tensor* coefficients,
                    const std::vector<StepResult>& results) {
    const auto term = [&](size_t k) { return Term{operands[k].data, operands[k].table}; };
    Tensor made;
    if (!coefficients) made = Tensor(operands[0].data.shape(), Dtype::f32, operands[0].data.device());
    Tensor& sum = coefficients ? *coefficients : made;
    switch (operands.size()) {
    case 1:
        combine({term(0)}, rows, sum);
        break;
    case 2:
        combine({term(0), term(1)}, rows, sum);
        break;
    default:
        combine({term(0), term(1), term(2)}, rows, sum);
    }
    if (operands.size() == 4) combine({{sum, {}}, term(3)}, rows, sum);
    for (const StepResult& r : results) {
        if (!r.table.defined()) {
            *r.pixels = sum;
            continue;
        }
        if (!r.pixels->defined()) *r.pixels = Tensor(sum.shape(), Dtype::f32, sum.device());
        combine({{sum, r.table}}, rows, *r.pixels);
    }
}

} // namespace

void basis_step(Basis basis, const std::vector<StepOperand>& operands, const int32_t* rows,
                Tensor* coefficients, const std::vector<StepResult>& results) {
    check(operands, coefficients, results);
    if (basis == Basis::pixel) return step_in_pixels(operands, rows, coefficients, results);
    const Tensor& first = operands.front().data;
    const Shape& shape = first.shape();

    kernels::DiagonalStep step;
    step.kind = transform_kind(basis);
    step.images = shape[0];
    step.height = int(shape[1]);
    step.width = int(shape[2]);
    step.channels = int(shape[3]);
    step.rows = rows;
    step.table_width = table_width(operands, results);
    const auto data_of = [](const Tensor& table) { return table.defined() ? table.data<float>() : nullptr; };
    for (size_t k = 0; k < operands.size(); ++k)
        step.operands[k] = {operands[k].data.data<float>(), data_of(operands[k].table), operands[k].pixels};
    if (coefficients) step.coefficients = coefficients->data<float>();
    for (size_t m = 0; m < results.size(); ++m) {
        if (!results[m].pixels->defined()) *results[m].pixels = Tensor(shape, Dtype::f32, first.device());
        expect_shape("basis step", *results[m].pixels, shape);
        step.results[m] = {results[m].pixels->data<float>(), data_of(results[m].table)};
    }
    const ProfileScope scope("basis_step", first.device(), [&] {
        const auto transforms =
            double(std::count_if(operands.begin(), operands.end(), [](const auto& o) { return o.pixels; })) +
            double(results.size());
        const double arrays = double(operands.size() + results.size()) + (coefficients ? 1 : 0);
        return OpWork{arrays * double(first.bytes()),
                      transforms * double(shape[0]) *
                              basis_flops(basis, step.height, step.width, step.channels) +
                          2.0 * double(operands.size()) * double(first.count()),
                      fmt::format("{} operands of {}", operands.size(), shape.text())};
    });
    Tensor workspace(Shape{kernels::diagonal_step_workspace_floats(first.stream(), step)}, Dtype::f32,
                     first.device());
    kernels::diagonal_step(first.stream(), step, workspace.data<float>());
}

} // namespace heat::processes
