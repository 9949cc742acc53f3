#include "tools/run_folder.h"

#include "kernels/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

std::optional<int64_t> step_of(const std::string& name) {
    if (!name.starts_with("step-")) return std::nullopt;
    int64_t step = 0;
    const char *begin = name.data() + 5, *end = name.data() + name.size();
    const auto result = std::from_chars(begin, end, step);
    if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
    return step;
}

} // namespace

RunFolder::~RunFolder() {
    if (lock_ >= 0) ::close(lock_);
}

fs::path RunFolder::checkpoint_folder(int64_t step) const {
    return path_ / "checkpoints" / fmt::format("step-{:07}", step);
}

bool RunFolder::exists() const {
    return fs::exists(config());
}

std::vector<Checkpoint> RunFolder::checkpoints() const {
    std::vector<Checkpoint> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", error)) {
        const auto step = step_of(entry.path().filename().string());
        if (step && fs::exists(entry.path() / "state.json")) found.push_back({entry.path(), *step});
    }
    std::sort(found.begin(), found.end(),
              [](const Checkpoint& a, const Checkpoint& b) { return a.step < b.step; });
    return found;
}

Checkpoint RunFolder::checkpoint(std::optional<int64_t> step) const {
    if (!exists()) throw Error(fmt::format("{}: not a run folder: it has no config.toml", path_.string()));
    const std::vector<Checkpoint> all = checkpoints();
    if (all.empty())
        throw Error(
            fmt::format("{}: no checkpoint yet; `engine train` writes them to checkpoints/", path_.string()));
    if (!step) return all.back();
    for (const Checkpoint& c : all)
        if (c.step == *step) return c;
    std::vector<int64_t> steps;
    steps.reserve(all.size());
    for (const Checkpoint& c : all) steps.push_back(c.step);
    throw Error(fmt::format("{}: no checkpoint of step {}; there are {}", path_.string(), *step,
                            fmt::join(steps, ", ")));
}

void RunFolder::lock() {
    std::error_code error;
    fs::create_directories(path_, error);
    if (error)
        throw Error(fmt::format("{}: cannot make the run folder: {}", path_.string(), error.message()));
    const fs::path file = path_ / ".lock";
    lock_ = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (lock_ < 0)
        throw Error(fmt::format("{}: cannot write there: {}", path_.string(), std::strerror(errno)));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
        throw Error(
            fmt::format("{}: another process is training in this folder; wait for it or choose another --out",
                        path_.string()));
    remove_leftovers();
}

void RunFolder::remove_leftovers() const {
    std::error_code ignored; // what stays costs only disk
    for (const auto& entry : fs::directory_iterator(path_, ignored))
        if (entry.path().filename().string().find(".tmp-") != std::string::npos)
            fs::remove_all(entry.path(), ignored);
    for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", ignored))
        if (entry.path().filename().string().starts_with(".unfinished-"))
            fs::remove_all(entry.path(), ignored);
}

void RunFolder::thin(int64_t keep) const {
    const std::vector<Checkpoint> all = checkpoints();
    std::error_code ignored; // an old checkpoint that stays costs only disk
    for (size_t i = 0; i + size_t(keep) < all.size(); ++i) fs::remove_all(all[i].folder, ignored);
}

Configuration configuration_of(const fs::path& config_or_run, const std::vector<std::string>& settings) {
    if (!fs::is_directory(config_or_run)) return read_configuration(config_or_run, settings);
    const RunFolder run(config_or_run);
    if (!run.exists())
        throw Error(fmt::format("{}: neither a configuration file nor a run folder (no config.toml in it)",
                                config_or_run.string()));
    return read_configuration(run.config(), settings);
}

} // namespace heat::tools
