#include "engine/ops/linear.h"

#include "engine/profiler.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/gemm.h"
#include "kernels/reduce.h"

#include <fmt/format.h>

#include <vector>

namespace heat {
namespace {

/// Columns of a weight, outputs × width, row r at data + r·stride.
struct WeightColumns {
    const void* data;
    int64_t stride;
};

/// Columns first … first+width of the weight in x's type: the master itself, or a bf16 copy. On the CPU that
/// is a copy of theirs, without gaps, because oneDNN takes a slower product for columns with gaps; on the GPU
/// that of all parameters.
WeightColumns columns_of(const Parameter& weight, Dtype dtype, int64_t first, int64_t width) {
    const Tensor& w = weight.value();
    const int64_t outputs = w.shape()[0], inputs = w.count() / outputs;
    if (dtype == Dtype::f32) return {w.data<float>() + first, inputs};
    if (w.device() == Device::cuda) return {weight.bf16_data() + first, inputs};
    const void* copy = weight.derived(
        fmt::format("bf16 columns {}+{}", first, width), size_t(outputs * width) * 2, [&](void* buffer) {
            auto* to = static_cast<bf16*>(buffer);
            if (width == inputs) {
                kernels::cast(w.stream(), w.data<float>(), to, w.count());
                return;
            }
            for (int64_t r = 0; r < outputs; ++r)
                kernels::cast(w.stream(), w.data<float>() + r * inputs + first, to + r * width, width);
        });
    return {copy, width};
}

kernels::GemmShape product(int64_t m, int64_t n, int64_t k, Dtype dtype) {
    kernels::GemmShape g;
    g.m = m;
    g.n = n;
    g.k = k;
    g.input = g.output = dtype;
    return g;
}

/// rows × inputs times inputs × outputs, each weight moved in `weight_bytes` bytes and each bias in
/// `bias_bytes`.
OpWork work_of(int64_t rows, int64_t inputs, int64_t outputs, Dtype dtype, double weight_bytes,
               double bias_bytes) {
    const double x = double(rows * inputs), y = double(rows * outputs), w = double(inputs * outputs);
    return {(x + y) * double(size_of(dtype)) + w * weight_bytes + double(outputs) * bias_bytes,
            2.0 * x * double(outputs) + (bias_bytes > 0 ? y : 0.0),
            fmt::format("{}×{} to {}", rows, inputs, outputs), dtype};
}

/// One input and the columns of the weight that it meets.
struct Part {
    Variable x;
    int64_t first, width;
};

void backward(const std::vector<Part>& parts, const Parameter& weight, const Parameter& bias, int64_t rows,
              int64_t inputs, const Tensor& dy) {
    const kernels::Stream& stream = dy.stream();
    const Dtype dtype = dy.dtype();
    const int64_t outputs = weight.shape()[0];
    for (const Part& p : parts) {
        if (weight.trainable()) { // dW = dyᵀ·x, added to the f32 gradient
            const ProfileScope scope("linear backward weights", dy.device(),
                                     [&] { return work_of(rows, p.width, outputs, dtype, 8, 0); });
            kernels::GemmShape g = product(outputs, p.width, rows, dtype);
            g.a = {1, outputs};
            g.b = {p.width, 1};
            g.d = {inputs, 1};
            g.output = Dtype::f32;
            g.accumulate = true;
            kernels::gemm(stream, g, dy.raw(), p.x.value().raw(), weight.gradient_data() + p.first);
        }
        if (p.x.requires_grad()) { // dx = dy·W
            const ProfileScope scope("linear backward data", dy.device(), [&] {
                return work_of(rows, p.width, outputs, dtype, double(size_of(dtype)), 0);
            });
            Tensor dx(p.x.shape(), dtype, dy.device());
            kernels::GemmShape g = product(rows, p.width, outputs, dtype);
            g.a = {outputs, 1};
            const WeightColumns w = columns_of(weight, dtype, p.first, p.width);
            g.b = {w.stride, 1};
            g.d = {p.width, 1};
            kernels::gemm(stream, g, dy.raw(), w.data, dx.raw());
            p.x.add_gradient(std::move(dx));
        }
    }
    if (!bias.defined() || !bias.trainable()) return;
    const ProfileScope scope("linear backward bias", dy.device(), [&] {
        return OpWork{double(dy.bytes()) + 8.0 * double(outputs), double(dy.count()),
                      fmt::format("{}×{}", rows, outputs), dtype};
    });
    const Storage scratch = allocate(
        dy.device(), sizeof(float) * size_t(kernels::column_sums_workspace_floats(rows, int(outputs))));
    with_activation_type(dtype, [&]<class T>(T) {
        kernels::column_sums(stream, dy.data<T>(), rows, int(outputs), bias.gradient_data(),
                             reinterpret_cast<float*>(scratch.get()));
    });
}

Variable apply(std::vector<Part> parts, const Parameter& weight, const Parameter& bias) {
    const Variable& x = parts[0].x;
    const int64_t outputs = weight.shape()[0], inputs = weight.shape().count() / outputs;
    const int64_t rows = x.shape().count() / std::max<int64_t>(x.shape().back(), 1);
    const ProfileScope scope("linear", x.device(), [&] {
        return work_of(rows, inputs, outputs, x.dtype(), double(size_of(x.dtype())), bias.defined() ? 4 : 0);
    });
    std::vector<int64_t> extents = x.shape().extents();
    extents.back() = outputs;
    Tensor y(Shape(std::move(extents)), x.dtype(), x.device());
    for (size_t i = 0; i < parts.size(); ++i) {
        kernels::GemmShape g = product(rows, outputs, parts[i].width, x.dtype());
        g.a = {parts[i].width, 1};
        const WeightColumns w = columns_of(weight, x.dtype(), parts[i].first, parts[i].width);
        g.b = {1, w.stride};
        g.d = {outputs, 1};
        g.accumulate = i > 0;
        g.bias = i == 0 && bias.defined();
        kernels::gemm(y.stream(), g, parts[i].x.value().raw(), w.data, y.raw(),
                      g.bias ? bias.value().data<float>() : nullptr);
    }
    const bool wanted = wants_gradient({&parts.front().x, &parts.back().x}, {&weight, &bias});
    return make_result(std::move(y), wanted,
                       [parts = std::move(parts), weight, bias, rows, inputs](const Tensor& dy) {
                           backward(parts, weight, bias, rows, inputs, dy);
                       });
}

} // namespace

Variable linear(const Variable& x, const Parameter& weight, const Parameter& bias) {
    const int64_t inputs = weight.shape().count() / weight.shape()[0];
    if (x.shape().rank() < 1 || x.shape().back() != inputs)
        throw Error(fmt::format("linear: input {} does not fit weight {} of {}", x.shape().text(),
                                weight.shape().text(), weight.name()));
    return apply({{x, 0, inputs}}, weight, bias);
}

Variable linear_concat(const Variable& x, const Variable& skip, const Parameter& weight,
                       const Parameter& bias) {
    const int64_t a = x.shape().back(), b = skip.shape().back(),
                  inputs = weight.shape().count() / weight.shape()[0];
    if (a + b != inputs || x.shape().count() / a != skip.shape().count() / b || x.dtype() != skip.dtype())
        throw Error(fmt::format("linear_concat: inputs {} {} and {} {} do not fit weight {} of {}",
                                name_of(x.dtype()), x.shape().text(), name_of(skip.dtype()),
                                skip.shape().text(), weight.shape().text(), weight.name()));
    return apply({{x, 0, a}, {skip, a, b}}, weight, bias);
}

} // namespace heat
