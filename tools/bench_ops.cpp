#include "bench/comparison.h"
#include "bench/host.h"
#include "bench/json_lines.h"
#include "bench/op_benchmark.h"
#include "engine/io/file.h"
#include "kernels/error.h"
#include "tools/bench.h"
#include "tools/interrupt.h"
#include "tools/run_options.h"

#include <fmt/format.h>
#include <heat_commit.h>

#include <algorithm>

namespace heat::tools {
namespace {

struct OpsOptions {
    std::string json, dtype = "f32", device = "auto", commit = HEAT_COMMIT;
    std::vector<std::string> compare;
    std::optional<double> fail_above;
    bench::OpBenchmarkOptions benchmark;
};

void print_row(const bench::OpMeasurement& m) {
    const double median = m.timing.median;
    fmt::print("{:<9} {:<4} {:>11.2f} {:>8.1f} {:>8.2f} {:>9.2f} {:>9.1f}   {} {}\n", m.direction,
               m.cold ? "cold" : "hot", 1e6 * median, 100 * m.timing.spread() / median,
               1e-9 * m.bytes / median, 1e-9 * m.flops / median, 100 * m.roofline_share, m.name, m.size);
}

/// One op a line, so that two files can be looked at with diff.
std::string to_text(const OpsOptions& options, const bench::Roofline& roofline, double clock_before,
                    const std::vector<bench::OpMeasurement>& measurements) {
    nlohmann::json device =
        bench::describe_measurement(HEAT_VERSION, options.commit, options.benchmark.device);
    device["clock_mhz_before"] = clock_before;
    const bench::TimingOptions& timing = options.benchmark.timing;
    const nlohmann::json head{
        {"what", "engine bench ops"},
        {"device", device},
        {"dtype", options.dtype},
        {"filter", options.benchmark.filter},
        {"timing",
         {{"clock", options.benchmark.device == Device::cpu ? "steady_clock" : "CUDA events"},
          {"repeats", timing.repeats},
          {"min_seconds", timing.min_seconds},
          {"budget_seconds", timing.budget_seconds},
          {"warm_up", "calls until a sample is long enough, at least two"}}},
        {"roofline",
         {{"memory_gb_s", 1e-9 * roofline.bytes_per_second},
          {"f32_gflop_s", 1e-9 * roofline.f32_flops_per_second},
          {"bf16_gflop_s", 1e-9 * roofline.bf16_flops_per_second}}}};
    return bench::json_lines(head, {bench::json_list("ops", measurements)});
}

void measure(OpsOptions& options) {
    if (options.dtype != "f32" && options.dtype != "bf16")
        throw Error(fmt::format("--dtype {}: expected f32 or bf16", options.dtype));
    options.benchmark.device = device_from_name(options.device);
    options.benchmark.dtype = options.dtype == "f32" ? Dtype::f32 : Dtype::bf16;
    const bench::Roofline roofline = bench::roofline_of_device(options.benchmark.device);
    const double clock_before = bench::clock_mhz();
    const InterruptGuard guard;
    fmt::print("{:<9} {:<4} {:>11} {:>8} {:>8} {:>9} {:>9}   op\n", "", "", "median us", "spread %", "GB/s",
               "GFLOP/s", "roofline%");
    const auto report = [](const bench::OpMeasurement& m) {
        if (InterruptGuard::requested()) throw Interrupted();
        print_row(m);
        std::fflush(stdout);
    };
    const auto measurements = bench::measure_ops(options.benchmark, roofline, report);
    if (!options.json.empty())
        write_file_atomically(options.json, to_text(options, roofline, clock_before, measurements));
}

void compare(const OpsOptions& options) {
    const auto before = bench::read_measurements(options.compare[0]),
               after = bench::read_measurements(options.compare[1]);
    const std::vector<bench::ComparedOp> ops = bench::compare(before, after);
    if (ops.empty())
        throw Error(fmt::format("{} and {} have no op of the same name, size, type and state",
                                options.compare[0], options.compare[1]));
    fmt::print("{:>11} {:>11} {:>8}    op (* changed by more than the spread)\n", "old us", "new us",
               "new/old");
    double worst = 0;
    for (const bench::ComparedOp& op : ops) {
        fmt::print("{:>11.2f} {:>11.2f} {:>8.3f} {}  {}\n", op.old_median, op.new_median, op.ratio(),
                   op.beyond_spread ? '*' : ' ', op.text);
        if (op.beyond_spread) worst = std::max(worst, 100 * (op.ratio() - 1));
    }
    if (before.size() != ops.size() || after.size() != ops.size())
        fmt::print("{} ops are in the old file alone, {} in the new one alone\n", before.size() - ops.size(),
                   after.size() - ops.size());
    if (options.fail_above && worst > *options.fail_above) {
        fmt::print(stderr, "error: an op is slower by {:.1f} %, more than the {} % of --fail-above\n", worst,
                   *options.fail_above);
        throw CLI::RuntimeError(1);
    }
}

} // namespace

void add_bench_ops_command(CLI::App& bench) {
    auto o = std::make_shared<OpsOptions>();
    CLI::App* command = bench.add_subcommand(
        "ops", "Time every op, forward and backward, at the U-Nets' sizes; or compare two such files");
    bench::TimingOptions& timing = o->benchmark.timing;
    CLI::Option* compared = command->add_option("--compare", o->compare, "Two JSON files: old and new")
                                ->type_name("OLD NEW")
                                ->expected(2);
    CLI::Option* filter =
        command->add_option("--filter", o->benchmark.filter, "Only ops that match, a regular expression");
    command->add_option("--dtype", o->dtype, "Of activations: f32 or bf16")->capture_default_str();
    add_device_option(*command, o->device);
    command->add_option("--json", o->json, "Write the measurements to this file")->excludes(compared);
    command->add_option("--repeat", timing.repeats, "Samples of each op")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    command->add_option("--min-time", timing.min_seconds, "Seconds that a sample lasts at least")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 3600.0));
    command->add_option("--max-time", timing.budget_seconds, "Seconds after which five samples are enough")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 3600.0));
    command
        ->add_option("--fail-above", o->fail_above,
                     "With --compare: exit code 1 where an op is slower by more than this percentage and "
                     "the spread")
        ->needs(compared)
        ->check(CLI::NonNegativeNumber);
    command->add_option("--commit", o->commit, "The commit to name in the JSON; the build's by default");
    filter->excludes(compared);
    command->footer("Examples:\n"
                    "  engine bench ops --filter 'conv2d .*(28|32)' --json new.json\n"
                    "  engine bench ops --compare old.json new.json --fail-above 5");
    command->callback([o] {
        if (o->compare.empty())
            measure(*o);
        else
            compare(*o);
    });
}

} // namespace heat::tools
