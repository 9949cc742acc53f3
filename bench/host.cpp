#include "bench/host.h"

#include "engine/machine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>

namespace heat::bench {

size_t cache_bytes(int level) {
    for (int index = 0; index < 8; ++index) {
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
        int found = 0;
        size_t size = 0;
        char unit = ' ';
        std::string type;
        std::ifstream(folder + "level") >> found;
        std::ifstream(folder + "type") >> type;
        std::ifstream(folder + "size") >> size >> unit;
        if (found == level && type != "Instruction") return size * (unit == 'M' ? 1 << 20 : 1 << 10);
    }
    return 0;
}

size_t last_level_cache_bytes() {
    size_t largest = 0;
    for (int level = 1; level <= 4; ++level) largest = std::max(largest, cache_bytes(level));
    return largest ? largest : size_t{32} << 20;
}

double clock_mhz() {
    std::ifstream info("/proc/cpuinfo");
    std::string line;
    double sum = 0;
    int count = 0;
    while (std::getline(info, line))
        if (line.starts_with("cpu MHz")) {
            sum += std::strtod(line.c_str() + line.find(':') + 1, nullptr);
            ++count;
        }
    return count ? sum / count : 0.0;
}

nlohmann::json describe_measurement(const std::string& version, const std::string& commit, Device device) {
    nlohmann::json libraries = nlohmann::json::object();
    for (const LinkedLibrary& l : linked_libraries())
        if (l.version != "headers") libraries[l.name] = l.version;
    nlohmann::json description{
        {"cpu", describe_device(Device::cpu)},
        {"threads", cpu_threads()},
        {"clock_mhz", clock_mhz()},
        {"l2_bytes", cache_bytes(2)},
        {"last_level_cache_bytes", last_level_cache_bytes()},
        {"libraries", libraries},
        {"version", version},
        {"commit", commit},
        {"date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))}};
    if (device == Device::cuda) description["gpu"] = describe_device(device);
    return description;
}

} // namespace heat::bench
