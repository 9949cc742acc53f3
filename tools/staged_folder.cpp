#include "tools/staged_folder.h"

#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace heat::tools {
namespace fs = std::filesystem;

StagedFolder::StagedFolder(const fs::path& final_name)
    // "a/b/" ends in an empty name.
    : final_(final_name.has_filename() ? final_name : final_name.parent_path()) {
    expect_free();
    staging_ = final_;
    staging_ += fmt::format(".unfinished-{}", ::getpid());
    std::error_code error;
    for (fs::path folder = final_.parent_path(); !folder.empty() && !fs::exists(folder, error);
         folder = folder.parent_path())
        made_.insert(made_.begin(), folder);
    fs::create_directories(staging_, error);
    if (!error) return;
    remove_made();
    throw Error(fmt::format("{}: cannot make the folder: {}", final_.string(), error.message()));
}

StagedFolder::~StagedFolder() {
    std::error_code ignored;
    if (published_) return;
    fs::remove_all(staging_, ignored);
    remove_made();
}

void StagedFolder::remove_made() const {
    std::error_code ignored; // one that is not empty belongs to somebody else by now
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

void StagedFolder::expect_free() const {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(final_, error);
    if (!fs::exists(status)) return;
    if (fs::is_directory(status) && fs::is_empty(final_, error) && !error) return;
    throw Error(fmt::format("{}: exists already: choose another name, or remove it", final_.string()));
}

void StagedFolder::publish() {
    expect_free();
    publish_directory(staging_, final_);
    published_ = true;
}

} // namespace heat::tools
