#include "tools/profiling.h"

#include "bench/profile_report.h"
#include "engine/profiler.h"

#include <fmt/format.h>

namespace heat::tools {

void ProfileOption::add_to(CLI::App& command, const std::string& own_folder) {
    given = command
                .add_option("--profile", folder,
                            "Print time by op at the end; profile.json and trace.json (Perfetto, "
                            "chrome://tracing) go to FOLDER, or else to " +
                                own_folder)
                ->type_name("[FOLDER]")
                ->expected(0, 1);
}

ProfileRecording::ProfileRecording(const ProfileOption& option, Device device) : option_(option) {
    if (!option.wanted()) return;
    roofline_ = bench::roofline_of_device(device);
    Profiler::start();
    recording_ = true;
}

ProfileRecording::~ProfileRecording() {
    if (recording_) (void)Profiler::stop();
}

void ProfileRecording::finish(const std::filesystem::path& own_folder) {
    if (!recording_) return;
    recording_ = false;
    const Profile profile = Profiler::stop();
    const std::filesystem::path folder =
        option_.folder.empty() ? own_folder : std::filesystem::path(option_.folder);
    bench::write_profile(folder, profile, roofline_);
    fmt::print(stderr, "{}{}: profile.json, trace.json", bench::profile_table(profile, roofline_),
               folder.string());
    if (profile.dropped_events)
        fmt::print(stderr, " (the first {} calls; {} more are in the table alone)", profile.events.size(),
                   profile.dropped_events);
    fmt::print(stderr, "\n");
}

} // namespace heat::tools
