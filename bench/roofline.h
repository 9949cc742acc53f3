#pragma once

#include "engine/device.h"
#include "kernels/dtype.h"

#include <filesystem>
#include <optional>

namespace heat::bench {

/// How fast a device moves and computes at best (Williams et al. 2009).
struct Roofline {
    double bytes_per_second = 0;
    double f32_flops_per_second = 0, bf16_flops_per_second = 0;

    /// The least time that the work takes: the larger of bytes over bandwidth and flops over peak.
    double seconds(double bytes, double flops, Dtype dtype) const;
};

/// The folder for what can be made again: $XDG_CACHE_HOME/heat-engine, else ~/.cache/heat-engine; empty
/// where neither is set.
std::filesystem::path cache_folder();

/// The roofline of this CPU with its number of threads, or of the card, kept in device.json of a folder. A
/// file that cannot be read, or that holds none for this device, is as good as none.
std::optional<Roofline> load_roofline(const std::filesystem::path& folder, Device device = Device::cpu);
/// Adds it to device.json. A folder that cannot be written to is no error: it is measured again next time.
void save_roofline(const std::filesystem::path& folder, const Roofline& roofline,
                   Device device = Device::cpu);

/// The kept roofline of a device; measured (about two seconds) and kept where there is none yet.
Roofline roofline_of_device(Device device);

} // namespace heat::bench
