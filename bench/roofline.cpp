#include "bench/roofline.h"

#include "bench/card_benchmark.h"
#include "bench/device_benchmark.h"
#include "engine/io/file.h"
#include "engine/machine.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

namespace heat::bench {
namespace fs = std::filesystem;
namespace {

constexpr const char* file_name = "device.json";

/// An empty object where the file is missing or damaged.
nlohmann::json read_devices(const fs::path& folder) {
    std::error_code error;
    if (folder.empty() || !fs::is_regular_file(folder / file_name, error)) return nlohmann::json::object();
    try {
        nlohmann::json devices =
            nlohmann::json::parse(read_file(folder / file_name, 1 << 20), nullptr, false);
        if (devices.is_object()) return devices;
    } catch (const Error&) {
        return nlohmann::json::object();
    }
    return nlohmann::json::object();
}

/// A positive number under a key; 0 where there is none.
double number(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? std::max(found->get<double>(), 0.0) : 0.0;
}

} // namespace

double Roofline::seconds(double bytes, double flops, Dtype dtype) const {
    const double peak = dtype == Dtype::bf16 ? bf16_flops_per_second : f32_flops_per_second;
    return std::max(bytes / bytes_per_second, flops / peak);
}

fs::path cache_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache && *cache) return fs::path(cache) / "heat-engine";
    const char* home = std::getenv("HOME");
    return home && *home ? fs::path(home) / ".cache" / "heat-engine" : fs::path();
}

std::optional<Roofline> load_roofline(const fs::path& folder, Device device) {
    const nlohmann::json devices = read_devices(folder);
    const auto found = devices.find(describe_device(device));
    if (found == devices.end() || !found->is_object()) return std::nullopt;
    const Roofline roofline{1e9 * number(*found, "memory_gb_s"), 1e9 * number(*found, "f32_gflop_s"),
                            1e9 * number(*found, "bf16_gflop_s")};
    if (roofline.bytes_per_second <= 0 || roofline.f32_flops_per_second <= 0 ||
        roofline.bf16_flops_per_second <= 0)
        return std::nullopt;
    return roofline;
}

void save_roofline(const fs::path& folder, const Roofline& roofline, Device device) {
    if (folder.empty()) return;
    nlohmann::json devices = read_devices(folder);
    devices[describe_device(device)] = {{"memory_gb_s", 1e-9 * roofline.bytes_per_second},
                                        {"f32_gflop_s", 1e-9 * roofline.f32_flops_per_second},
                                        {"bf16_gflop_s", 1e-9 * roofline.bf16_flops_per_second}};
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return;
    try {
        write_file_atomically(folder / file_name, devices.dump(2) + "\n");
    } catch (const Error&) {
        return; // a disk that is full or read-only: as if nothing were kept
    }
}

Roofline roofline_of_device(Device device) {
    const fs::path folder = cache_folder();
    if (const auto kept = load_roofline(folder, device)) return *kept;
    fmt::print(stderr, "measuring this {}'s roofline, about two seconds\n",
               device == Device::cpu ? "machine" : "card");
    const Roofline roofline =
        roofline_of(device == Device::cpu ? measure_device(false) : measure_card(false));
    save_roofline(folder, roofline, device);
    return roofline;
}

} // namespace heat::bench
