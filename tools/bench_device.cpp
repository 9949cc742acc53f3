#include "bench/card_benchmark.h"
#include "bench/device_benchmark.h"
#include "bench/host.h"
#include "engine/io/file.h"
#include "tools/bench.h"

#include <fmt/format.h>
#include <heat_commit.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace heat::tools {
namespace {

struct DeviceOptions {
    std::string out, commit = HEAT_COMMIT, device = "auto";
    bool quick = false, json = false;
};

double rounded(double value) {
    return std::round(value * 1000) / 1000;
}

nlohmann::json to_json(const std::vector<bench::DeviceFigure>& figures, const DeviceOptions& options,
                       Device device) {
    nlohmann::json list = nlohmann::json::array();
    for (const bench::DeviceFigure& f : figures)
        list.push_back({{"name", f.name},
                        {"meaning", f.meaning},
                        {"median", rounded(f.median)},
                        {"least", rounded(f.least)},
                        {"most", rounded(f.most)}});
    return {{"what", "engine bench device"},
            {"device", bench::describe_measurement(HEAT_VERSION, options.commit, device)},
            {"quick", options.quick},
            {"figures", list}};
}

void measure(const DeviceOptions& options) {
    const Device device = device_from_name(options.device);
    const std::vector<bench::DeviceFigure> figures =
        device == Device::cpu ? bench::measure_device(options.quick) : bench::measure_card(options.quick);
    if (!options.quick) bench::save_roofline(bench::cache_folder(), bench::roofline_of(figures), device);
    const nlohmann::json json = to_json(figures, options, device);
    if (!options.out.empty()) write_file_atomically(options.out, json.dump(2) + "\n");
    if (options.json) {
        fmt::print("{}\n", json.dump());
        return;
    }
    fmt::print("{:<28} {:>10} {:>10} {:>10}\n", "", "median", "least", "most");
    for (const bench::DeviceFigure& f : figures)
        fmt::print("{:<28} {:>10.2f} {:>10.2f} {:>10.2f}   {}\n", f.name, f.median, f.least, f.most,
                   f.meaning);
}

} // namespace

void add_bench_device_command(CLI::App& bench) {
    auto o = std::make_shared<DeviceOptions>();
    CLI::App* command = bench.add_subcommand(
        "device",
        "Memory bandwidth, arithmetic and overheads of the CPU or GPU; kept as the roofline of profiles");
    command->add_option("--device", o->device, "What to measure")
        ->type_name("{auto,cpu,cuda}")
        ->capture_default_str();
    command->add_option("--out", o->out, "Also write the figures to this file, as JSON");
    command->add_flag("--json", o->json, "Print JSON");
    command->add_flag("--quick", o->quick, "A fifth of the time, less exact, and not kept");
    command->add_option("--commit", o->commit, "The commit to name in the JSON; the build's by default");
    command->footer("Example:\n  engine bench device --out device.json");
    command->callback([o] { measure(*o); });
}

} // namespace heat::tools
