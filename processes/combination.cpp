#include "processes/combination.h"

#include "engine/profiler.h"
#include "kernels/diagonal.h"
#include "kernels/error.h"
#include "processes/step_cost.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat::processes {

void combine(std::initializer_list<Term> terms, const int32_t* rows, Tensor& y) {
    if (terms.size() < 1 || terms.size() > 3)
        throw Error(fmt::format("affine combination: expected one to three terms, got {}", terms.size()));
    kernels::DiagonalTerm arguments[3];
    int64_t width = 0;
    int i = 0;
    for (const Term& term : terms) {
        expect_shape("affine combination", term.data, y.shape());
        arguments[i++] = {term.data.data<float>(), term.table.defined() ? term.table.data<float>() : nullptr};
        if (!term.table.defined()) continue;
        if (width && term.table.shape().back() != width)
            throw Error(fmt::format("affine combination: tables of widths {} and {}", width,
                                    term.table.shape().back()));
        width = term.table.shape().back();
    }
    width = std::max<int64_t>(width, 1);
    const ProfileScope scope("combine", y.device(), [&] {
        const StepCost cost = combination_cost(i, double(y.count()));
        return OpWork{cost.bytes, cost.flops, fmt::format("{} terms of {}", i, y.shape().text())};
    });
    kernels::diagonal_combination(y.stream(), arguments, rows, int(width), y.data<float>(), int(y.shape()[0]),
                                  int(y.shape()[1] * y.shape()[2]), int(y.shape()[3]));
}

Tensor upload_table(const std::vector<float>& values, int width, Device device) {
    return Tensor::from_host(Shape{int64_t(values.size()) / width, int64_t(width)}, values, device);
}

} // namespace heat::processes
