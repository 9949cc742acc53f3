#include "bench/host.h"
#include "bench/json_lines.h"
#include "engine/io/file.h"
#include "engine/io/line_plot.h"
#include "engine/io/png.h"
#include "kernels/error.h"
#include "tools/interrupt.h"
#include "tools/operator.h"
#include "tools/operator_bench.h"

#include <fmt/format.h>
#include <heat_commit.h>

namespace heat::tools {
namespace {

struct BenchOptions {
    OperatorBenchGrid grid;
    std::string boundary = "adiabatic", dtype = "f32", json, plot, against = "size", commit = HEAT_COMMIT;
    bench::TimingOptions timing{.repeats = 7, .min_seconds = 2e-3, .budget_seconds = 0.15};
};

void print_row(const OperatorMeasurement& m) {
    const double median = m.timing.median;
    const bool paper = m.solver == "paper";
    fmt::print(
        "{:>5} {:>6} {:>8} {:>6}  {:<9} {:>12.2f} {:>8.1f} {:>11.3f} {:>11.1f} {:>8} {:>8} {:>7} {:>9}\n",
        m.at.size, m.at.batch, m.at.k, m.at.power, m.solver, 1e6 * median, 100 * m.timing.spread() / median,
        1e3 * m.prepare_seconds, double(m.memory_bytes) / 1024,
        paper ? "-" : fmt::format("{:.2f}", 1e-9 * m.statistics.bytes / median),
        paper ? "-" : fmt::format("{:.2f}", 1e-9 * m.statistics.flops / median),
        m.statistics.most_iterations ? std::to_string(m.statistics.most_iterations) : "-",
        paper ? "-" : fmt::format("{:.1e}", m.error));
}

/// One measurement a line, so that two files can be looked at with diff.
std::string to_text(const BenchOptions& o, const std::vector<OperatorMeasurement>& measurements,
                    const std::vector<Crossover>& found) {
    const nlohmann::json head{{"what", "engine operator bench"},
                              {"device", bench::describe_measurement(HEAT_VERSION, o.commit)},
                              {"dtype", o.dtype},
                              {"theta", o.grid.theta},
                              {"boundary", o.boundary},
                              {"channels", o.grid.channels},
                              {"timing",
                               {{"clock", "steady_clock"},
                                {"repeats", o.timing.repeats},
                                {"min_seconds", o.timing.min_seconds},
                                {"budget_seconds", o.timing.budget_seconds},
                                {"order", "the solvers of a case take turns, sample by sample"}}}};
    return bench::json_lines(
        head, {bench::json_list("measurements", measurements), bench::json_list("crossovers", found)});
}

/// Time of a call against one axis of the grid, the others at their last values.
LinePlot plot_of(const BenchOptions& o, const std::vector<OperatorMeasurement>& measurements) {
    const OperatorCase fixed = measurements.back().at;
    const bool size = o.against == "size", batch = o.against == "batch", k = o.against == "K",
               power = o.against == "power";
    LinePlot plot;
    for (const OperatorMeasurement& m : measurements) {
        if ((!size && m.at.size != fixed.size) || (!batch && m.at.batch != fixed.batch) ||
            (!k && m.at.k != fixed.k) || (!power && m.at.power != fixed.power))
            continue;
        auto series = std::find_if(plot.series.begin(), plot.series.end(),
                                   [&](const PlotSeries& s) { return s.name == m.solver; });
        if (series == plot.series.end()) series = plot.series.insert(series, {m.solver, {}, {}});
        series->x.push_back(size    ? m.at.size
                            : batch ? m.at.batch
                            : k     ? m.at.k
                                    : std::abs(double(m.at.power)));
        series->y.push_back(1e6 * m.timing.median);
    }
    std::string title = "time of A^n";
    if (!size) title += fmt::format(", {}x{}", fixed.size, fixed.size);
    if (!batch) title += fmt::format(", {} image{}", fixed.batch, fixed.batch == 1 ? "" : "s");
    if (!k) title += fmt::format(", K = {}", fixed.k);
    if (!power) title += fmt::format(", n = {}", fixed.power);
    plot.title = title;
    plot.x = {size ? "side in pixels" : o.against, true};
    plot.y = {"microseconds", true};
    return plot;
}

void check(BenchOptions& o) {
    if (o.dtype != "f32" && o.dtype != "f64")
        throw Error(fmt::format("--dtype {}: expected f32 or f64", o.dtype));
    if (o.against != "size" && o.against != "batch" && o.against != "K" && o.against != "power")
        throw Error(fmt::format("--against {}: expected size, batch, K or power", o.against));
    o.grid.f64 = o.dtype == "f64";
    o.grid.boundary = processes::boundary_from_name(o.boundary);
    for (const std::string& name : o.grid.solvers) processes::solver_method_from_name(name);
    // What is refused is refused before the first measurement.
    for (const int size : o.grid.sizes)
        for (const double k : o.grid.ks)
            processes::make_operator_solver(processes::SolverMethod::spectral,
                                            {k, o.grid.theta, o.grid.boundary}, size, size);
}

void measure(BenchOptions& o) {
    check(o);
    const InterruptGuard guard;
    fmt::print("{:>5} {:>6} {:>8} {:>6}  {:<9} {:>12} {:>8} {:>11} {:>11} {:>8} {:>8} {:>7} {:>9}\n", "size",
               "batch", "K", "power", "solver", "median us", "spread %", "prepare ms", "memory KiB", "GB/s",
               "GFLOP/s", "iterate", "error");
    const auto measurements =
        measure_operators(o.grid, o.timing, [](std::span<const OperatorMeasurement> measured) {
            if (InterruptGuard::requested()) throw Interrupted();
            for (const OperatorMeasurement& m : measured) print_row(m);
            std::fflush(stdout);
        });
    const std::vector<Crossover> found = crossovers(measurements);
    fmt::print("\ncrossovers of the fastest solver: {}\n", found.empty() ? "none" : "");
    for (const Crossover& crossover : found) fmt::print("  {}\n", crossover.text());
    if (!o.json.empty()) write_file_atomically(o.json, to_text(o, measurements, found));
    if (!o.plot.empty()) write_png(o.plot, draw(plot_of(o, measurements)));
}

} // namespace

void add_operator_bench_command(CLI::App& parent) {
    auto o = std::make_shared<BenchOptions>();
    CLI::App* command = parent.add_subcommand(
        "bench", "Time every solver over sizes, batches, K and powers; where which wins");
    OperatorBenchGrid& grid = o->grid;
    const auto list = [command](const char* name, auto& values, const char* description, const auto& check) {
        command->add_option(name, values, description)
            ->delimiter(',')
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->capture_default_str()
            ->check(check);
    };
    list("--sizes", grid.sizes, "Sides of square images, divided by commas", CLI::Range(1, 4096));
    list("--batches", grid.batches, "Images at once", CLI::Range(1, 65536));
    list("--K", grid.ks, "Heat of a step", CLI::NonNegativeNumber);
    list("--powers", grid.powers, "Steps; negative ones undo", CLI::Range(-1000000, 1000000));
    list("--solvers", grid.solvers, "Of spectral, dense, sparse, iterative; all unless given",
         CLI::Validator());
    command->add_option("--theta", grid.theta, "1 explicit, 0 implicit")->capture_default_str();
    command->add_option("--boundary", o->boundary, "What is outside the image")
        ->type_name("{adiabatic,half-sample,fixed}")
        ->capture_default_str();
    command->add_option("--channels", grid.channels, "Of each image")
        ->capture_default_str()
        ->check(CLI::Range(1, 1024));
    command->add_option("--dtype", o->dtype, "Of the images")->type_name("{f32,f64}")->capture_default_str();
    command->add_flag("--paper", grid.literal, "Also a sampling step the paper's way: inverses and Cholesky");
    command
        ->add_option("--dense-pixels", grid.dense_pixels,
                     "Dense and --paper take images of up to so many pixels")
        ->capture_default_str()
        ->check(CLI::Range(1, 4096));
    command->add_option("--repeat", o->timing.repeats, "Samples of each solver")
        ->capture_default_str()
        ->check(CLI::Range(3, 100000));
    command->add_option("--min-time", o->timing.min_seconds, "Seconds that a sample lasts at least")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 3600.0));
    command
        ->add_option("--max-time", o->timing.budget_seconds, "Seconds after which three samples are enough")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 3600.0));
    command->add_option("--json", o->json, "Write the measurements to this file")->type_name("FILE");
    command->add_option("--plot", o->plot, "Draw the times to this PNG file")->type_name("FILE");
    command->add_option("--against", o->against, "What the plot's x is; the rest is at its last value")
        ->type_name("{size,batch,K,power}")
        ->capture_default_str();
    command->add_option("--commit", o->commit, "The commit to name in the JSON; the build's by default");
    command->footer(
        "Examples:\n"
        "  engine operator bench\n"
        "  engine operator bench --sizes 8,16,24,32 --batches 16 --K 0.2 --powers 1 --paper "
        "--plot paper.png\n"
        "  engine operator bench --sizes 64 --K 0.01,0.05,0.1,0.2 --powers -1 --against K --plot k.png");
    command->callback([o] { measure(*o); });
}

} // namespace heat::tools
