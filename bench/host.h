#pragma once

#include "engine/device.h"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace heat::bench {

/// Bytes of one cache of this level as the system tells (/sys/devices/system/cpu/cpu0/cache); 0 where it
/// does not.
size_t cache_bytes(int level);
/// The largest cache of one CPU; 32 MiB where the system does not tell.
size_t last_level_cache_bytes();

/// The processors' clocks now, mean over the CPUs, MHz; 0 where the system does not tell.
double clock_mhz();

/// What a measurement was made on: cpu, threads, clock_mhz, l2_bytes, last_level_cache_bytes, libraries'
/// versions, version and commit of this program, date (UTC); gpu, where that is what was measured.
nlohmann::json describe_measurement(const std::string& version, const std::string& commit,
                                    Device device = Device::cpu);

} // namespace heat::bench
