#include "tools/run_folder.h"

#include "kernels/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// Beginnings of names in checkpoints/ that are no checkpoints: being written, being deleted.
const std::string unfinished = ".unfinished-", discarded = ".discarded-";

std::optional<int64_t> step_of(const std::string& name) {
    if (!name.starts_with("step-")) return std::nullopt;
    int64_t step = 0;
    const char *begin = name.data() + 5, *end = name.data() + name.size();
    const auto result = std::from_chars(begin, end, step);
    if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
    if (step < 0) return std::nullopt;
    return step;
}

} // namespace

RunFolder::~RunFolder() {
    if (lock_ < 0) return;
    if (!begun_) remove_beginning(); // while nobody else can lock it
    ::close(lock_);
}

fs::path RunFolder::checkpoint_folder(int64_t step) const {
    return path_ / "checkpoints" / fmt::format("step-{:07}", step);
}

fs::path RunFolder::unfinished_folder() const {
    return path_ / "checkpoints" / fmt::format("{}{}", unfinished, ::getpid());
}

bool RunFolder::exists() const {
    std::error_code ignored;
    return fs::exists(config(), ignored);
}

Configuration RunFolder::configuration() const {
    return read_configuration(config(), {}, ConfigurationSource::run);
}

std::vector<Checkpoint> RunFolder::checkpoints() const {
    std::vector<Checkpoint> found;
    std::error_code error;
    if (!fs::is_directory(path_, error)) return found;
    const fs::path folder = path_ / "checkpoints";
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (const auto step = step_of(it->path().filename().string())) found.push_back({it->path(), *step});
    // Taken for a run without checkpoints, it would begin anew.
    if (error && error != std::errc::no_such_file_or_directory)
        throw Error(fmt::format("cannot read folder {}: {}", folder.string(), error.message()));
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

void RunFolder::make() {
    std::vector<fs::path> missing;
    std::error_code error;
    // "a/b/" ends in an empty name, which would be made twice.
    fs::path folder = path_.has_filename() ? path_ : path_.parent_path();
    for (; !folder.empty() && !fs::exists(folder, error); folder = folder.parent_path())
        missing.push_back(folder);
    std::reverse(missing.begin(), missing.end());
    for (const fs::path& next : missing) {
        if (fs::create_directory(next, error)) made_.push_back(next);
        if (error) break;
    }
    if (!fs::is_directory(path_, error)) {
        const std::string reason = error ? error.message() : "there is something else of that name";
        remove_beginning();
        throw Error(fmt::format("{}: cannot make the run folder: {}", path_.string(), reason));
    }
}

void RunFolder::lock() {
    if (lock_ >= 0) return;
    make();
    const fs::path file = path_ / ".lock";
    for (const fs::path& name : {config(), prior(), metrics(), file}) {
        std::error_code ignored;
        if (!fs::exists(fs::symlink_status(name, ignored))) new_.push_back(name);
    }
    const auto refuse = [&](const std::string& why) {
        if (lock_ >= 0) ::close(lock_);
        lock_ = -1;
        throw Error(fmt::format("{}: {}", path_.string(), why));
    };
    struct stat opened {
    }, named{};
    do { // until the file that is locked is the one of that name: its last holder may have removed it
        if (lock_ >= 0) ::close(lock_);
        lock_ = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NONBLOCK, 0644);
        if (lock_ < 0) {
            const std::string reason = std::strerror(errno);
            remove_beginning();
            refuse("cannot write there: " + reason);
        }
        if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                refuse("another process is training in this folder; wait for it or choose another --out");
            const std::string reason = std::strerror(errno);
            remove_beginning();
            refuse(fmt::format("its file system has no locks ({}), so that two processes could train there "
                               "at once; choose another --out",
                               reason));
        }
    } while (::fstat(lock_, &opened) != 0 || ::stat(file.c_str(), &named) != 0 ||
             opened.st_ino != named.st_ino || opened.st_dev != named.st_dev);
    remove_leftovers();
}

void RunFolder::remove_leftovers() const {
    std::error_code ignored; // what stays costs only disk
    for (const fs::path& folder : {path_, samples()})
        for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored))
            if (it->path().filename().string().find(".tmp-") != std::string::npos)
                fs::remove(it->path(), ignored);
    std::vector<fs::path> leftovers;
    for (fs::directory_iterator it(path_ / "checkpoints", ignored), end; !ignored && it != end;
         it.increment(ignored))
        if (const std::string name = it->path().filename().string();
            name.starts_with(unfinished) || name.starts_with(discarded))
            leftovers.push_back(it->path());
    for (const fs::path& path : leftovers) fs::remove_all(path, ignored);
}

void RunFolder::remove_beginning() const {
    std::error_code ignored;
    const bool run = exists() && std::find(new_.begin(), new_.end(), config()) == new_.end();
    if (run) return;
    for (const fs::path& path : new_) fs::remove(path, ignored);
    std::vector<fs::path> innermost_first(made_.rbegin(), made_.rend());
    for (const fs::path& folder : innermost_first) fs::remove(folder, ignored);
}

void RunFolder::thin(int64_t keep, int64_t keep_every) const {
    const std::vector<Checkpoint> all = checkpoints();
    std::error_code ignored; // an old checkpoint that stays costs only disk
    for (size_t i = 0; i + size_t(keep) < all.size(); ++i) {
        if (keep_every > 0 && all[i].step % keep_every == 0) continue;
        const std::string name = discarded + all[i].folder.filename().string();
        const fs::path aside = all[i].folder.parent_path() / name;
        fs::rename(all[i].folder, aside, ignored);
        if (!ignored) fs::remove_all(aside, ignored);
    }
}

Configuration configuration_of(const fs::path& config_or_run, const std::vector<std::string>& settings) {
    if (!fs::is_directory(config_or_run)) return read_configuration(config_or_run, settings);
    const RunFolder run(config_or_run);
    if (!run.exists())
        throw Error(fmt::format("{}: neither a configuration file nor a run folder (no config.toml in it)",
                                config_or_run.string()));
    return read_configuration(run.config(), settings, ConfigurationSource::run);
}

} // namespace heat::tools
