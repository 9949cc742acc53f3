#include "bench/host.h"
#include "bench/json_lines.h"
#include "bench/transform_benchmark.h"
#include "engine/io/file.h"
#include "tools/bench.h"
#include "tools/interrupt.h"

#include <fmt/format.h>
#include <heat_commit.h>

namespace heat::tools {
namespace {

struct TransformsOptions {
    std::string json, dtype = "f32", commit = HEAT_COMMIT;
    bench::TransformBenchmarkOptions benchmark;
};

void print_row(const bench::TransformMeasurement& m) {
    fmt::print("{:<9} {:<10} {:>6} {:>9} {:>6} {:>12.2f} {:>9.1f}\n", m.operation, m.method, m.side,
               m.channels, m.batch, 1e6 * m.timing.median, 100 * m.timing.spread() / m.timing.median);
}

void measure(TransformsOptions& options) {
    options.benchmark.f64 = options.dtype == "f64";
    const InterruptGuard guard;
    fmt::print("{:<9} {:<10} {:>6} {:>9} {:>6} {:>12} {:>9}\n", "operation", "method", "side", "channels",
               "batch", "median us", "spread %");
    const auto measurements = bench::measure_transforms(options.benchmark, [](const auto& m) {
        if (InterruptGuard::requested()) throw Interrupted();
        print_row(m);
        std::fflush(stdout);
    });
    if (options.json.empty()) return;
    const nlohmann::json head{{"what", "engine bench transforms"},
                              {"device", bench::describe_measurement(HEAT_VERSION, options.commit)},
                              {"dtype", options.dtype}};
    write_file_atomically(options.json,
                          bench::json_lines(head, {bench::json_list("transforms", measurements)}));
}

} // namespace

void add_bench_transforms_command(CLI::App& bench) {
    auto o = std::make_shared<TransformsOptions>();
    CLI::App* command = bench.add_subcommand(
        "transforms",
        "Time the cosine and sine transforms by each method, and a multiplication in their basis");
    bench::TransformBenchmarkOptions& benchmark = o->benchmark;
    command
        ->add_option("--operation", benchmark.operations,
                     "dct1, dct2, dct3, dst1, or spectral (DCT-II, a table, back)")
        ->delimiter(',')
        ->check(CLI::IsMember({"dct1", "dct2", "dct3", "dst1", "spectral"}));
    command->add_option("--method", benchmark.methods, "matrix, fft or automatic")
        ->delimiter(',')
        ->check(CLI::IsMember({"matrix", "fft", "automatic"}));
    command->add_option("--side", benchmark.sides, "Pixels of a side")
        ->delimiter(',')
        ->check(CLI::Range(1, 8192));
    command->add_option("--channels", benchmark.channels, "Channels of an image")
        ->delimiter(',')
        ->check(CLI::Range(1, 64));
    command
        ->add_option("--batch", benchmark.batch,
                     "Images in a call; by default 192 to 4, fewer the larger they are")
        ->check(CLI::Range(1, 65536));
    command->add_option("--dtype", o->dtype, "f32, or f64 (without spectral)")
        ->capture_default_str()
        ->check(CLI::IsMember({"f32", "f64"}));
    command->add_option("--json", o->json, "Write the measurements to this file");
    command->add_option("--repeat", benchmark.timing.repeats, "Samples of each case")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    command->add_option("--min-time", benchmark.timing.min_seconds, "Seconds that a sample lasts at least")
        ->capture_default_str()
        ->check(CLI::Range(1e-6, 3600.0));
    command->add_option("--commit", o->commit, "The commit to name in the JSON; the build's by default");
    command->footer(
        "Examples:\n"
        "  engine bench transforms --operation dct2,dst1 --side 31,32,33\n"
        "  engine bench transforms --operation spectral --method automatic --side 64 --json new.json");
    command->callback([o] { measure(*o); });
}

} // namespace heat::tools
