#pragma once

#include <filesystem>
#include <vector>

namespace heat::tools {

/// A folder that appears under its name complete or not at all: it is filled aside, beside its final place.
class StagedFolder {
public:
    /// Makes the folder aside, and the folders that are to hold it. Throws Error where `final_name` exists
    /// (but for an empty folder) or nothing can be made there.
    explicit StagedFolder(const std::filesystem::path& final_name);
    /// Without `publish` nothing remains.
    ~StagedFolder();
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;

    /// Where to write.
    const std::filesystem::path& path() const { return staging_; }
    /// Gives it its name. Throws Error where something of that name has come meanwhile.
    void publish();

private:
    void expect_free() const;
    void remove_made() const;

    std::filesystem::path final_, staging_;
    std::vector<std::filesystem::path> made_; ///< folders around it, outermost first
    bool published_ = false;
};

} // namespace heat::tools
