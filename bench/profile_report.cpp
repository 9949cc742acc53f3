#include "bench/profile_report.h"

#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace heat::bench {
namespace fs = std::filesystem;
namespace {

constexpr int card_track = 1000; ///< past every thread's number

int track_of(const ProfileEvent& e) {
    return e.device == Device::cuda ? card_track : e.thread;
}

double least_seconds(const ProfileEntry& e, const std::optional<Roofline>& roofline) {
    return roofline && e.device == Device::cpu ? roofline->seconds(e.bytes, e.flops, e.dtype) : 0.0;
}

/// A quotient for a table: "-" where there is nothing to divide.
std::string rate(double work, double seconds, double unit, const char* format) {
    return work > 0 && seconds > 0 ? fmt::format(fmt::runtime(format), work / seconds * unit) : "-";
}

} // namespace

std::vector<OperatorTotal> totals_of(const Profile& profile, const std::optional<Roofline>& roofline) {
    std::map<std::pair<bool, std::string>, OperatorTotal> by_name;
    double inside = 0;
    for (const ProfileEntry& e : profile.entries) {
        OperatorTotal& total = by_name[{e.main_thread, e.name}];
        total.name = e.name;
        total.main_thread = e.main_thread;
        total.calls += e.calls;
        total.seconds += e.seconds;
        total.bytes += e.bytes;
        total.flops += e.flops;
        total.roofline_share += least_seconds(e, roofline); // divided below
        if (e.main_thread) inside += e.seconds;
    }
    std::vector<OperatorTotal> totals;
    totals.reserve(by_name.size() + 1);
    for (auto& [key, total] : by_name) totals.push_back(std::move(total));
    OperatorTotal outside;
    outside.name = "outside ops";
    outside.seconds = std::max(profile.seconds - inside, 0.0); // a card may work beside the CPU
    totals.push_back(outside);
    for (OperatorTotal& total : totals) {
        total.roofline_share = total.seconds > 0 ? total.roofline_share / total.seconds : 0.0;
        if (total.main_thread) total.share = total.seconds / std::max(inside + outside.seconds, 1e-12);
    }
    std::stable_sort(totals.begin(), totals.end(), [](const OperatorTotal& a, const OperatorTotal& b) {
        return std::pair(!a.main_thread, -a.seconds) < std::pair(!b.main_thread, -b.seconds);
    });
    return totals;
}

std::string profile_table(const Profile& profile, const std::optional<Roofline>& roofline) {
    std::string text = fmt::format("{:<28} {:>9} {:>12} {:>8} {:>9} {:>9} {:>9}\n", "op", "calls", "ms",
                                   "share %", "GB/s", "GFLOP/s", "roofline%");
    for (const OperatorTotal& t : totals_of(profile, roofline))
        fmt::format_to(std::back_inserter(text), "{:<28} {:>9} {:>12.2f} {:>8} {:>9} {:>9} {:>9}\n",
                       t.main_thread ? t.name : t.name + " (other thread)",
                       t.calls ? std::to_string(t.calls) : "-", 1e3 * t.seconds,
                       t.main_thread ? fmt::format("{:.2f}", 100 * t.share) : "-",
                       rate(t.bytes, t.seconds, 1e-9, "{:.2f}"), rate(t.flops, t.seconds, 1e-9, "{:.2f}"),
                       t.roofline_share > 0 ? fmt::format("{:.1f}", 100 * t.roofline_share) : "-");
    if (roofline)
        fmt::format_to(std::back_inserter(text), "roofline: {:.1f} GB/s, {:.0f} GFLOP/s f32, {:.0f} bf16\n",
                       1e-9 * roofline->bytes_per_second, 1e-9 * roofline->f32_flops_per_second,
                       1e-9 * roofline->bf16_flops_per_second);
    return text;
}

nlohmann::json profile_json(const Profile& profile, const std::optional<Roofline>& roofline) {
    nlohmann::json operators = nlohmann::json::array(), shapes = nlohmann::json::array();
    for (const OperatorTotal& t : totals_of(profile, roofline))
        operators.push_back({{"name", t.name},
                             {"main_thread", t.main_thread},
                             {"calls", t.calls},
                             {"milliseconds", 1e3 * t.seconds},
                             {"share_percent", 100 * t.share},
                             {"bytes", t.bytes},
                             {"flops", t.flops},
                             {"roofline_percent", 100 * t.roofline_share}});
    for (const ProfileEntry& e : profile.entries)
        shapes.push_back(
            {{"name", e.name},
             {"shape", e.shape},
             {"dtype", name_of(e.dtype)},
             {"device", name_of(e.device)},
             {"main_thread", e.main_thread},
             {"calls", e.calls},
             {"milliseconds", 1e3 * e.seconds},
             {"milliseconds_with_inner", 1e3 * e.total_seconds},
             {"bytes", e.bytes},
             {"flops", e.flops},
             {"roofline_percent", e.seconds > 0 ? 100 * least_seconds(e, roofline) / e.seconds : 0.0}});
    nlohmann::json json{{"seconds", profile.seconds},
                        {"dropped_events", profile.dropped_events},
                        {"operators", operators},
                        {"shapes", shapes}};
    if (roofline)
        json["roofline"] = {{"memory_gb_s", 1e-9 * roofline->bytes_per_second},
                            {"f32_gflop_s", 1e-9 * roofline->f32_flops_per_second},
                            {"bf16_gflop_s", 1e-9 * roofline->bf16_flops_per_second}};
    return json;
}

std::string trace_json(const Profile& profile) {
    // Line by line, not as one tree: a trace has hundreds of thousands of events.
    const auto quoted = [](const std::string& text) { return nlohmann::json(text).dump(); };
    std::string text = fmt::format(R"({{"displayTimeUnit": "ms", "dropped_events": {}, "traceEvents": [)",
                                   profile.dropped_events);
    const char* separator = "\n";
    std::set<int> tracks;
    for (const ProfileEvent& e : profile.events) {
        tracks.insert(track_of(e));
        fmt::format_to(std::back_inserter(text),
                       R"({}{{"name": {}, "ph": "X", "pid": 1, "tid": {}, "ts": {:.3f}, "dur": {:.3f}, )"
                       R"("args": {{"bytes": {:.0f}, "flops": {:.0f}, "shape": {}}}}})",
                       separator, quoted(e.name), track_of(e), 1e6 * e.start, 1e6 * e.seconds, e.bytes,
                       e.flops, quoted(e.shape));
        separator = ",\n";
    }
    for (const int track : tracks) {
        fmt::format_to(
            std::back_inserter(text),
            R"({}{{"name": "thread_name", "ph": "M", "pid": 1, "tid": {}, "args": {{"name": {}}}}})",
            separator, track, quoted(track == card_track ? "GPU" : fmt::format("thread {}", track)));
        separator = ",\n";
    }
    return text + "\n]}\n";
}

void write_profile(const fs::path& folder, const Profile& profile, const std::optional<Roofline>& roofline) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Error(fmt::format("{}: cannot make the folder: {}", folder.string(), error.message()));
    write_file_atomically(folder / "profile.json", profile_json(profile, roofline).dump(1) + "\n");
    write_file_atomically(folder / "trace.json", trace_json(profile));
}

} // namespace heat::bench
