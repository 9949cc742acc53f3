#include "bench/timing.h"
#include "kernels/error.h"
#include "kernels/parallel.h"
#include "tools/image_array.h"
#include "tools/operator.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace heat::tools {
namespace {

struct ApplyOptions {
    OperatorChoice choice;
    std::string input, output, solver, dtype, device = "cpu";
    std::optional<double> tolerance;
    std::optional<int> max_iterations;
    bool json = false;
};

struct Applied {
    double prepare_seconds = 0, seconds = 0;
    std::string solver = "spectral";
    processes::SolverStatistics statistics;
    double log10_condition = 0;
};

using Values = std::vector<double>;

/// f32 through a tensor on the device, f64 in host memory.
template <class OnTensor, class OnHost>
void run_in_type(ImageArray& images, Device device, const OnTensor& on_tensor, const OnHost& on_host,
                 double& seconds) {
    if (images.is_f64) {
        Values result(images.values.size());
        const double start = bench::steady_seconds();
        on_host(images.values.data(), result.data());
        seconds = bench::steady_seconds() - start;
        images.values = std::move(result);
        return;
    }
    const Tensor x =
        Tensor::from_host(Shape{images.count, images.height, images.width, images.channels},
                          std::vector<float>(images.values.begin(), images.values.end()), device);
    const double start = bench::steady_seconds();
    const Tensor y = on_tensor(x);
    kernels::synchronize(y.stream());
    seconds = bench::steady_seconds() - start;
    const std::vector<float> values = y.to_host();
    images.values.assign(values.begin(), values.end());
}

Applied apply_solver(const ApplyOptions& o, ImageArray& images, Device device) {
    Applied applied;
    if (!o.solver.empty()) applied.solver = o.solver;
    processes::SolverOptions options;
    options.tolerance = o.tolerance.value_or(options.tolerance);
    options.max_iterations = o.max_iterations.value_or(options.max_iterations);
    const int power = o.choice.power();
    const double start = bench::steady_seconds();
    const auto solver =
        processes::make_operator_solver(processes::solver_method_from_name(applied.solver), o.choice.scheme(),
                                        int(images.height), int(images.width), options);
    applied.log10_condition = solver->log_condition(power) / std::log(10.0);
    if (power >= 0 || solver->smallest_eigenvalue() > 0) solver->prepare(power);
    applied.prepare_seconds = bench::steady_seconds() - start;
    run_in_type(
        images, device, [&](const Tensor& x) { return solver->apply(x, power, &applied.statistics); },
        [&](const double* x, double* y) {
            solver->apply(x, y, images.count, int(images.channels), {&power, 1}, &applied.statistics);
        },
        applied.seconds);
    return applied;
}

Applied apply_gains(const ApplyOptions& o, ImageArray& images, Device device) {
    Applied applied;
    const int height = int(images.height), width = int(images.width), channels = int(images.channels);
    const double start = bench::steady_seconds();
    const processes::ModeGains gains{o.choice.gains(height, width), {}};
    applied.log10_condition = o.choice.log10_condition(height, width);
    applied.prepare_seconds = bench::steady_seconds() - start;
    const processes::Basis basis = processes::basis_of(o.choice.boundary());
    const auto count = double(images.count);
    applied.statistics.flops = count * processes::scale_modes_flops(basis, height, width, channels);
    applied.statistics.bytes =
        count * processes::scale_modes_bytes(height, width, channels, images.is_f64 ? 8 : 4);
    run_in_type(
        images, device, [&](const Tensor& x) { return processes::scale_modes(basis, x, gains); },
        [&](const double* x, double* y) {
            processes::scale_modes(basis, x, y, images.count, height, width, channels, gains);
        },
        applied.seconds);
    return applied;
}

void check(const ApplyOptions& o) {
    o.choice.check();
    if (!o.choice.has_solver() && !o.solver.empty() && o.solver != "spectral")
        throw CLI::ValidationError("--solver",
                                   fmt::format("{} is applied by spectral alone", o.choice.kind()));
    if (o.solver != "iterative" && (o.tolerance || o.max_iterations))
        throw CLI::ValidationError(o.tolerance ? "--tolerance" : "--max-iterations",
                                   "belongs to --solver iterative");
    if (!o.dtype.empty() && o.dtype != "f32" && o.dtype != "f64")
        throw CLI::ValidationError("--dtype", fmt::format("{}: expected f32 or f64", o.dtype));
}

void print_result(const ApplyOptions& o, const ImageArray& images, const Applied& applied, int64_t clamped) {
    const processes::SolverStatistics& s = applied.statistics;
    if (o.json) {
        fmt::print("{}\n",
                   nlohmann::json{{"output", o.output},
                                  {"operator", o.choice.text()},
                                  {"solver", applied.solver},
                                  {"shape", {images.count, images.channels, images.height, images.width}},
                                  {"dtype", images.is_f64 ? "f64" : "f32"},
                                  {"prepare_seconds", applied.prepare_seconds},
                                  {"seconds", applied.seconds},
                                  {"solves", s.solves},
                                  {"iterations", s.iterations},
                                  {"most_iterations", s.most_iterations},
                                  {"worst_residual", s.worst_residual},
                                  {"flops", s.flops},
                                  {"bytes", s.bytes},
                                  {"log10_condition", applied.log10_condition},
                                  {"clamped", clamped}}
                       .dump());
        return;
    }
    std::string line = fmt::format("{}; {} in {}: {} image{} {}x{}x{}, {:.3f} ms and {:.3f} ms to prepare",
                                   o.choice.text(), applied.solver, images.is_f64 ? "f64" : "f32",
                                   images.count, images.count == 1 ? "" : "s", images.height, images.width,
                                   images.channels, 1e3 * applied.seconds, 1e3 * applied.prepare_seconds);
    if (s.solves) line += fmt::format(", {} solves", s.solves);
    if (s.iterations)
        line += fmt::format(", {} iterations, at most {} a solve, residual {:.2g}", s.iterations,
                            s.most_iterations, s.worst_residual);
    line += fmt::format(", condition number 10^{:.2f}", applied.log10_condition);
    if (clamped) line += fmt::format(", {} values clamped", clamped);
    fmt::print("{}\n", line);
}

void apply(const ApplyOptions& o) {
    check(o);
    const Device device = device_from_name(o.device);
    ImageArray images = read_image_array(o.input);
    check_output_name(o.output, images.channels);
    if (!o.dtype.empty()) images.is_f64 = o.dtype == "f64";
    if (images.height * images.width > int64_t{1} << 30)
        throw Error(fmt::format("{}: images of {}×{} pixels, expected at most 2^30 pixels", o.input,
                                images.height, images.width));
    if (images.is_f64 && device == Device::cuda)
        throw Error("f64 is computed on the CPU: --dtype f32 or --device cpu");
    const Applied applied =
        o.choice.has_solver() ? apply_solver(o, images, device) : apply_gains(o, images, device);
    const int64_t clamped = write_image_array(o.output, images);
    print_result(o, images, applied, clamped);
}

} // namespace

void add_operator_apply_command(CLI::App& parent) {
    auto o = std::make_shared<ApplyOptions>();
    CLI::App* command = parent.add_subcommand("apply", "Apply an operator to images");
    o->choice.add_options(*command, true);
    command->add_option("--input", o->input, "Array (.npy, N×C×H×W of float32 or float64), PNG or JPEG image")
        ->type_name("FILE")
        ->required();
    command->add_option("--output", o->output, "Where to write the result: .npy, or .png (0..1, clamped)")
        ->type_name("FILE")
        ->required();
    command->add_option("--solver", o->solver, "How; spectral unless given")
        ->type_name("{spectral,dense,sparse,iterative}");
    command->add_option("--tolerance", o->tolerance, "iterative: of the residual; 1e-13")->type_name("FLOAT");
    command->add_option("--max-iterations", o->max_iterations, "iterative: of a solve; 2000")
        ->type_name("INT");
    command->add_option("--dtype", o->dtype, "Of the result; the array's own unless given, f32 of an image")
        ->type_name("{f32,f64}");
    command->add_option("--device", o->device, "Where to compute; on cuda spectral in f32 alone")
        ->type_name("{auto,cpu,cuda}")
        ->capture_default_str();
    command->add_flag("--json", o->json, "Print the result as JSON");
    command->footer(
        "Examples:\n"
        "  engine operator apply --kind blur --sigma 3 --input photo.png --output blurred.png\n"
        "  engine operator apply --kind heat --t 4.5 --boundary fixed --input x.npy --output y.npy\n"
        "  engine operator apply --kind crank-nicolson --K 0.1 --power -3 --solver sparse --input y.npy "
        "--output x.npy");
    command->callback([o] { apply(*o); });
}

} // namespace heat::tools
