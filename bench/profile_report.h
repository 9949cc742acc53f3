#pragma once

#include "bench/roofline.h"
#include "engine/profiler.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace heat::bench {

/// All calls of one op, over its shapes: a line of the table.
struct OperatorTotal {
    std::string name;
    bool main_thread = true;
    int64_t calls = 0;
    double seconds = 0; ///< own time
    double share = 0;   ///< of the recording; 0 for another thread, whose time runs beside it
    double bytes = 0, flops = 0;
    double roofline_share = 0; ///< least time by the roofline over own time; 0 without a roofline or work
};

/// The ops by own time, the main thread's first, with "outside ops" (the recording less all own times) in its
/// place. The shares of the main thread add up to 1.
std::vector<OperatorTotal> totals_of(const Profile& profile, const std::optional<Roofline>& roofline);

/// The totals as text for a terminal.
std::string profile_table(const Profile& profile, const std::optional<Roofline>& roofline);

/// seconds, dropped_events, roofline, operators (the totals) and shapes (the profile's entries).
nlohmann::json profile_json(const Profile& profile, const std::optional<Roofline>& roofline);

/// The calls in Chrome's trace format: complete ("X") events, microseconds, with bytes, flops and shape; the
/// card's on a track of their own.
std::string trace_json(const Profile& profile);

/// Writes profile.json and trace.json into a folder, which is made if needed. Throws Error naming the path.
void write_profile(const std::filesystem::path& folder, const Profile& profile,
                   const std::optional<Roofline>& roofline);

} // namespace heat::bench
