#pragma once

#include "bench/roofline.h"
#include "engine/device.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace heat::tools {

/// `--profile [FOLDER]` of a command.
struct ProfileOption {
    CLI::Option* given = nullptr;
    std::string folder; ///< empty: the command's own

    /// Declares it; `own_folder` says where the files go unless one is named. The option must stay where it
    /// is as long as the command.
    void add_to(CLI::App& command, const std::string& own_folder);
    bool wanted() const { return given && given->count() > 0; }
};

/// A profile of what happens while it lives, where one is wanted; does nothing otherwise.
class ProfileRecording {
public:
    /// Measures this machine's roofline first where no measurement is kept.
    ProfileRecording(const ProfileOption& option, Device device);
    /// An unfinished recording is dropped: the work under it has failed.
    ~ProfileRecording();
    ProfileRecording(const ProfileRecording&) = delete;
    ProfileRecording& operator=(const ProfileRecording&) = delete;

    /// Prints the table on standard error and writes profile.json and trace.json into the folder that the
    /// option names, or else this one.
    void finish(const std::filesystem::path& own_folder);

private:
    const ProfileOption& option_;
    bool recording_ = false;
    std::optional<bench::Roofline> roofline_;
};

} // namespace heat::tools
