#include "bench/transform_benchmark.h"

#include "kernels/diagonal_step.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::bench {
namespace {

using kernels::TransformKind;
using kernels::TransformMethod;

TransformMethod method_from_name(const std::string& name) {
    if (name == "matrix") return TransformMethod::matrix;
    if (name == "fft") return TransformMethod::fft;
    if (name == "automatic") return TransformMethod::automatic;
    throw Error(fmt::format("transform method '{}': expected matrix, fft or automatic", name));
}

TransformKind kind_from_name(const std::string& name) {
    if (name == "dct1") return TransformKind::dct1;
    if (name == "dct2") return TransformKind::dct2;
    if (name == "dct3") return TransformKind::dct3;
    if (name == "dst1") return TransformKind::dst1;
    throw Error(fmt::format("transform '{}': expected dct1, dct2, dct3, dst1 or spectral", name));
}

/// Values without a pattern that a transform could make small.
template <class T>
std::vector<T> waves(size_t count) {
    std::vector<T> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = T(std::sin(0.37 * double(i) + 1e-3 * double(i % 977)));
    return values;
}

template <class T>
Timing time_transform(TransformKind kind, TransformMethod method, const TransformMeasurement& m,
                      const TimingOptions& options) {
    const auto count = size_t(m.batch) * size_t(m.side) * size_t(m.side) * size_t(m.channels);
    const std::vector<T> x = waves<T>(count);
    std::vector<T> y(count), workspace(size_t(kernels::transform_workspace_elements<T>(
                                 {}, kind, m.batch, m.side, m.side, m.channels, method)));
    return measure_calls(
        [&] {
            kernels::transform({}, kind, x.data(), y.data(), m.batch, m.side, m.side, m.channels,
                               workspace.data(), method);
        },
        options);
}

Timing time_spectral(TransformMethod method, const TransformMeasurement& m, const TimingOptions& options) {
    const auto points = size_t(m.side) * size_t(m.side),
               count = size_t(m.batch) * points * size_t(m.channels);
    const std::vector<float> x = waves<float>(count), table = waves<float>(points);
    std::vector<float> y(count);
    kernels::DiagonalStep step;
    step.images = m.batch;
    step.height = step.width = m.side;
    step.channels = m.channels;
    step.operands[0] = {x.data(), table.data(), true};
    step.table_width = int(points);
    step.results[0].pixels = y.data();
    std::vector<float> workspace(size_t(kernels::diagonal_step_workspace_floats({}, step, method)));
    return measure_calls([&] { kernels::diagonal_step({}, step, workspace.data(), method); }, options);
}

} // namespace

int default_batch(int side) {
    return side <= 64 ? 192 : side <= 128 ? 64 : side <= 256 ? 16 : 4;
}

std::vector<TransformMeasurement>
measure_transforms(const TransformBenchmarkOptions& options,
                   const std::function<void(const TransformMeasurement&)>& report) {
    std::vector<TransformMeasurement> measurements;
    for (const std::string& operation : options.operations)
        for (const int side : options.sides)
            for (const int channels : options.channels)
                for (const std::string& name : options.methods) {
                    const TransformMethod method = method_from_name(name);
                    TransformMeasurement m{
                        operation, name, side, channels, options.batch ? options.batch : default_batch(side),
                        {}};
                    if (operation == "spectral" && !options.f64)
                        m.timing = time_spectral(method, m, options.timing);
                    else if (options.f64)
                        m.timing =
                            time_transform<double>(kind_from_name(operation), method, m, options.timing);
                    else
                        m.timing =
                            time_transform<float>(kind_from_name(operation), method, m, options.timing);
                    if (report) report(m);
                    measurements.push_back(std::move(m));
                }
    return measurements;
}

nlohmann::json to_json(const TransformMeasurement& m) {
    const auto microseconds = [](double seconds) { return std::round(seconds * 1e9) / 1e3; };
    return {{"operation", m.operation},
            {"method", m.method},
            {"side", m.side},
            {"channels", m.channels},
            {"batch", m.batch},
            {"median_us", microseconds(m.timing.median)},
            {"least_us", microseconds(m.timing.least)},
            {"lower_quartile_us", microseconds(m.timing.lower_quartile)},
            {"upper_quartile_us", microseconds(m.timing.upper_quartile)},
            {"repeats", m.timing.repeats}};
}

} // namespace heat::bench
