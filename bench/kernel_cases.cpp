#include "bench/kernel_cases.h"

#include "engine/random.h"
#include "kernels/clamp.h"
#include "kernels/diagonal.h"
#include "kernels/diagonal_step.h"
#include "kernels/elementwise.h"
#include "kernels/optimizer.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/softmax.h"
#include "kernels/transform.h"

#include <fmt/format.h>

namespace heat::bench {
namespace {

Tensor normals(const Shape& shape, uint64_t seed, Device device) {
    return normal(RandomState(seed, device), shape, Purpose::training_noise);
}

Tensor normals_of(const Shape& shape, uint64_t seed, Dtype dtype, Device device) {
    return normals(shape, seed, device).to(dtype);
}

KernelCase adam_case(Device device, int64_t n) {
    const OpWork work{40.0 * double(n), 20.0 * double(n), Shape{n}.text()};
    return {"adam and ema", "kernels/optimizer_test.cpp", work, [=](uint64_t seed) {
                Tensor parameter = normals(Shape{n}, seed, device),
                       gradient = normals(Shape{n}, seed + 1, device),
                       first = normals(Shape{n}, seed + 2, device),
                       second = Tensor::full(Shape{n}, 1.f, device),
                       ema = normals(Shape{n}, seed + 3, device);
                // Decays of 1 keep the moments as they are: with the gradient zeroed by the first call, they
                // would fade into denormal numbers.
                const kernels::OptimizerScalars scalars{1e-6f, 1.f, 1.f, 1e-8f, 0.f, 1.f, 1.f, 1.f, 0.f, 1.f};
                Tensor kept(Shape{int64_t(sizeof scalars / sizeof(float))}, Dtype::f32, device);
                kernels::write_scalars(kept.stream(), static_cast<kernels::OptimizerScalars*>(kept.raw()),
                                       scalars);
                const Tensor scale = Tensor::full(Shape{1}, 1.f, device);
                return [=]() mutable {
                    kernels::adam_step(parameter.stream(), parameter.data<float>(), gradient.data<float>(),
                                       first.data<float>(), second.data<float>(), ema.data<float>(),
                                       static_cast<const kernels::OptimizerScalars*>(kept.raw()),
                                       scale.data<float>(), n);
                };
            }};
}

KernelCase sum_of_squares_case(Device device, int64_t n) {
    return {"sum_of_squares",
            "kernels/reduce_test.cpp",
            {4.0 * double(n), 2.0 * double(n), Shape{n}.text()},
            [=](uint64_t seed) {
                const Tensor x = normals(Shape{n}, seed, device);
                Tensor out(Shape{1}, Dtype::f32, device),
                    workspace(Shape{kernels::reduce_workspace_floats(n)}, Dtype::f32, device);
                return [=]() mutable {
                    kernels::sum_of_squares(x.stream(), x.data<float>(), n, out.data<float>(),
                                            workspace.data<float>());
                };
            }};
}

KernelCase normals_case(Device device, int64_t images, int64_t elements) {
    const Shape shape{images, elements};
    return {"normal",
            "kernels/random_test.cpp",
            {4.0 * double(shape.count()), 0, shape.text()},
            [=](uint64_t seed) {
                const RandomState state(seed, device);
                Tensor out(shape, Dtype::f32, device);
                return [=]() mutable {
                    kernels::fill_normal(out.stream(), out.data<float>(), images, elements,
                                         state.device_words(),
                                         kernels::purpose_word(kernels::Purpose::step_noise), 0);
                };
            }};
}

/// Three operands, as in a sampling step; a coefficient per image (width 1) or per eigenvalue.
KernelCase combination_case(Device device, int images, int points, int channels, int width) {
    const Shape shape{images, points, channels};
    const auto count = double(shape.count());
    return {"diagonal_combination",
            "kernels/diagonal_test.cpp",
            {16.0 * count, 5.0 * count,
             fmt::format("3 terms of {}, {} a row", shape.text(),
                         width == 1 ? "1 coefficient" : "a coefficient a point")},
            [=](uint64_t seed) {
                const Tensor a = normals(shape, seed, device), b = normals(shape, seed + 1, device),
                             c = normals(shape, seed + 2, device),
                             table = normals(Shape{8, width}, seed + 3, device);
                std::vector<int32_t> levels(static_cast<size_t>(images));
                for (size_t i = 0; i < levels.size(); ++i) levels[i] = int32_t(i % 8);
                const Tensor rows = Tensor::from_host(Shape{images}, levels, device);
                Tensor y(shape, Dtype::f32, device);
                return [=]() mutable {
                    const kernels::DiagonalTerm terms[3] = {{a.data<float>(), table.data<float>()},
                                                            {b.data<float>(), table.data<float>()},
                                                            {c.data<float>(), table.data<float>()}};
                    kernels::diagonal_combination(y.stream(), terms, rows.data<int32_t>(), width,
                                                  y.data<float>(), images, points, channels);
                };
            }};
}

KernelCase transform_case(Device device, int images, int side, int channels, bool inverse) {
    const Shape shape{images, side, side, channels};
    const auto kind = inverse ? kernels::TransformKind::dct3 : kernels::TransformKind::dct2;
    return {
        inverse ? "dct3" : "dct2",
        "kernels/transform_test.cpp",
        {8.0 * double(shape.count()), images * kernels::transform_flops(side, side, channels), shape.text()},
        [=](uint64_t seed) {
            const Tensor x = normals(shape, seed, device);
            Tensor y(shape, Dtype::f32, device),
                workspace(Shape{kernels::transform_workspace_elements(x.stream(), kind, images, side, side,
                                                                      channels)},
                          Dtype::f32, device);
            return [=]() mutable {
                kernels::transform(x.stream(), kind, x.data<float>(), y.data<float>(), images, side, side,
                                   channels, workspace.data<float>());
            };
        }};
}

/// A sampler's step: the network's output with state and noise, the next state and the next input.
KernelCase step_case(Device device, int images, int side, int channels) {
    const Shape shape{images, side, side, channels};
    const auto count = double(shape.count());
    return {"diagonal_step",
            "kernels/diagonal_step_test.cpp",
            {20.0 * count, 5.0 * count + 2.0 * images * kernels::transform_flops(side, side, channels),
             fmt::format("3 terms of {}", shape.text())},
            [=](uint64_t seed) {
                const int points = side * side;
                const Tensor state = normals(shape, seed, device), output = normals(shape, seed + 1, device),
                             noise = normals(shape, seed + 2, device),
                             table = normals(Shape{8, points}, seed + 3, device);
                std::vector<int32_t> levels(static_cast<size_t>(images));
                for (size_t i = 0; i < levels.size(); ++i) levels[i] = int32_t(i % 8);
                const Tensor rows = Tensor::from_host(Shape{images}, levels, device);
                Tensor next(shape, Dtype::f32, device), input(shape, Dtype::f32, device);
                const auto call = [=](float* coefficients, float* pixels) {
                    kernels::DiagonalStep step;
                    step.images = images;
                    step.height = step.width = side;
                    step.channels = channels;
                    step.operands[0] = {state.data<float>(), table.data<float>(), false};
                    step.operands[1] = {output.data<float>(), table.data<float>(), true};
                    step.operands[2] = {noise.data<float>(), table.data<float>(), false};
                    step.rows = rows.data<int32_t>();
                    step.table_width = points;
                    step.coefficients = coefficients;
                    step.results[0].pixels = pixels;
                    return step;
                };
                Tensor workspace(Shape{kernels::diagonal_step_workspace_floats(
                                     state.stream(), call(nullptr, next.data<float>()))},
                                 Dtype::f32, device);
                return [=]() mutable {
                    kernels::diagonal_step(state.stream(), call(next.data<float>(), input.data<float>()),
                                           workspace.data<float>());
                };
            }};
}

KernelCase clamp_case(Device device, int64_t n) {
    return {"clamp", "processes/basis_test.cpp", {8.0 * double(n), 0, Shape{n}.text()}, [=](uint64_t seed) {
                const Tensor x = normals(Shape{n}, seed, device);
                Tensor y(Shape{n}, Dtype::f32, device);
                return [=]() mutable {
                    kernels::clamp(x.stream(), x.data<float>(), -1.f, 1.f, y.data<float>(), n);
                };
            }};
}

template <class T>
KernelCase softmax_case(Device device, Dtype dtype, int64_t rows, int columns, bool backward) {
    const Shape shape{rows, columns};
    const double n = double(shape.count()), size = sizeof(T);
    return {backward ? "softmax backward" : "softmax",
            "kernels/softmax_test.cpp",
            {n * (backward ? 4 + 2 * size : 4 + size), 4 * n, shape.text(), dtype},
            [=](uint64_t seed) {
                const Tensor x = normals(shape, seed, device),
                             weights = normals_of(shape, seed + 1, dtype, device);
                Tensor y(shape, dtype, device);
                return [=]() mutable {
                    if (backward)
                        kernels::softmax_backward(x.stream(), weights.data<T>(), x.data<float>(), y.data<T>(),
                                                  rows, columns);
                    else
                        kernels::softmax_forward(x.stream(), x.data<float>(), y.data<T>(), rows, columns);
                };
            }};
}

template <class T>
KernelCase dropout_case(Device device, Dtype dtype, int64_t images, int64_t elements) {
    const Shape shape{images, elements};
    const auto n = double(shape.count());
    return {"dropout",
            "kernels/elementwise_test.cpp",
            {2 * n * sizeof(T), n, shape.text(), dtype},
            [=](uint64_t seed) {
                const Tensor x = normals_of(shape, seed, dtype, device);
                const RandomState state(seed, device);
                Tensor y(shape, dtype, device);
                return [=]() mutable {
                    kernels::dropout(x.stream(), x.data<T>(), y.data<T>(), images, elements, 0.1f,
                                     state.device_words(), 0, 0);
                };
            }};
}

template <class T>
KernelCase loss_case(Device device, Dtype dtype, int images, int64_t elements, kernels::LossKind kind,
                     bool backward) {
    const Shape shape{images, elements};
    const double n = double(shape.count()), size = sizeof(T);
    return {std::string(kind == kernels::LossKind::absolute ? "absolute_error" : "squared_error") +
                (backward ? " backward" : ""),
            "kernels/reduce_test.cpp",
            {n * (backward ? 4 + 2 * size : 4 + size), n * (backward ? 2 : 3), shape.text(), dtype},
            [=](uint64_t seed) {
                const Tensor prediction = normals_of(shape, seed, dtype, device),
                             target = normals(shape, seed + 1, device),
                             upstream = Tensor::full(Shape{1}, 1.f, device);
                Tensor loss(Shape{1}, Dtype::f32, device), each(Shape{images}, Dtype::f32, device),
                    d(shape, dtype, device),
                    workspace(Shape{images * kernels::reduce_workspace_floats(elements)}, Dtype::f32, device);
                return [=]() mutable {
                    const float scale = 1.f / float(images);
                    if (backward)
                        kernels::weighted_error_backward(
                            d.stream(), kind, prediction.data<T>(), target.data<float>(), nullptr, scale,
                            upstream.data<float>(), images, elements, d.data<T>());
                    else
                        kernels::weighted_error(d.stream(), kind, prediction.data<T>(), target.data<float>(),
                                                nullptr, scale, images, elements, loss.data<float>(),
                                                each.data<float>(), workspace.data<float>());
                };
            }};
}

template <class T>
KernelCase column_sums_case(Device device, Dtype dtype, int64_t rows, int columns) {
    const Shape shape{rows, columns};
    const auto n = double(shape.count());
    return {"column_sums",
            "kernels/reduce_test.cpp",
            {n * sizeof(T) + 8.0 * columns, n, shape.text(), dtype},
            [=](uint64_t seed) {
                const Tensor x = normals_of(shape, seed, dtype, device);
                Tensor out = Tensor::zeros(Shape{columns}, Dtype::f32, device),
                       workspace(Shape{kernels::column_sums_workspace_floats(rows, columns)}, Dtype::f32,
                                 device);
                return [=]() mutable {
                    kernels::column_sums(x.stream(), x.data<T>(), rows, columns, out.data<float>(),
                                         workspace.data<float>());
                };
            }};
}

template <class T>
KernelCase cast_case(Device device, Dtype dtype, int64_t n) {
    return {"cast to f32",
            "kernels/elementwise_test.cpp",
            {double(n) * (4 + sizeof(T)), 0, Shape{n}.text(), dtype},
            [=](uint64_t seed) {
                const Tensor x = normals_of(Shape{n}, seed, dtype, device);
                Tensor y(Shape{n}, Dtype::f32, device);
                return [=]() mutable { kernels::cast(x.stream(), x.data<T>(), y.data<float>(), n); };
            }};
}

template <class T>
void add_typed(Device device, Dtype dtype, std::vector<KernelCase>& cases) {
    cases.push_back(softmax_case<T>(device, dtype, 8 * 256, 256, false));
    cases.push_back(softmax_case<T>(device, dtype, 8 * 256, 256, true));
    cases.push_back(dropout_case<T>(device, dtype, 8, 16 * 16 * 256));
    for (const auto kind : {kernels::LossKind::squared, kernels::LossKind::absolute})
        for (const bool backward : {false, true})
            cases.push_back(loss_case<T>(device, dtype, 32, 28 * 28, kind, backward));
    cases.push_back(column_sums_case<T>(device, dtype, 8 * 32 * 32, 128));
}

} // namespace

std::vector<KernelCase> kernel_cases(Dtype dtype, Device device) {
    std::vector<KernelCase> cases;
    if (dtype == Dtype::bf16) {
        add_typed<bf16>(device, dtype, cases);
        cases.push_back(cast_case<bf16>(device, dtype, 1 << 20));
        return cases;
    }
    add_typed<float>(device, dtype, cases);
    cases.push_back(adam_case(device, 5'000'000));
    cases.push_back(sum_of_squares_case(device, 5'000'000));
    cases.push_back(normals_case(device, 32, 28 * 28));
    cases.push_back(normals_case(device, 8, 32 * 32 * 3));
    cases.push_back(combination_case(device, 32, 28 * 28, 1, 1));
    cases.push_back(combination_case(device, 32, 28 * 28, 1, 28 * 28));
    cases.push_back(combination_case(device, 8, 32 * 32, 3, 32 * 32));
    for (const bool inverse : {false, true}) {
        cases.push_back(transform_case(device, 32, 28, 1, inverse));
        cases.push_back(transform_case(device, 8, 32, 3, inverse));
    }
    cases.push_back(clamp_case(device, 32 * 28 * 28));
    if (device == Device::cuda) { // sizes that fill a card: DDPM's on CIFAR-10 with 128 images
        cases.push_back(adam_case(device, 36'000'000));
        cases.push_back(sum_of_squares_case(device, 36'000'000));
        cases.push_back(normals_case(device, 128, 32 * 32 * 3));
        cases.push_back(normals_case(device, 64, 256 * 256 * 3));
    }
    cases.push_back(step_case(device, 32, 28, 1));
    cases.push_back(step_case(device, 8, 32, 3));
    return cases;
}

} // namespace heat::bench
