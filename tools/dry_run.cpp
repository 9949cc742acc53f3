#include "tools/dry_run.h"

#include "kernels/error.h"
#include "tools/progress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// The folder, or the nearest one above it that is there.
fs::path existing_part(const fs::path& folder) {
    std::error_code ignored;
    fs::path path = fs::absolute(folder).lexically_normal();
    while (!fs::exists(path, ignored) && path.has_relative_path()) path = path.parent_path();
    return path;
}

/// What RunFolder::lock would find out by making the folder and its lock.
void expect_usable(const RunFolder& folder) {
    const fs::path existing = existing_part(folder.path());
    if (!fs::is_directory(existing))
        throw Error(fmt::format("{}: cannot make the run folder: {} is no folder", folder.path().string(),
                                existing.string()));
    if (::access(existing.c_str(), W_OK | X_OK) != 0)
        throw Error(fmt::format("{}: cannot write there: {}: {}", folder.path().string(), existing.string(),
                                std::strerror(errno)));
    const int lock = ::open((folder.path() / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) return; // nobody has trained there yet
    const bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
    ::close(lock);
    if (!free)
        throw Error(
            fmt::format("{}: another process is training in this folder; wait for it or choose another --out",
                        folder.path().string()));
}

std::string size_text(int64_t bytes) {
    if (bytes >= int64_t(10) << 30) return fmt::format("{:.1f} GiB", double(bytes) / double(1 << 30));
    if (bytes >= int64_t(1) << 20) return fmt::format("{:.1f} MiB", double(bytes) / double(1 << 20));
    return fmt::format("{:.1f} KiB", double(bytes) / 1024);
}

/// Disk space that the rest of the run may take beyond what the folder holds.
int64_t disk_bytes(const TrainingCost& cost, const RunFolder& folder, const TrainConfig& train) {
    const int64_t left = std::max<int64_t>(train.steps - cost.first_step, 0);
    // A checkpoint is written before the oldest goes.
    const int64_t written = left / train.checkpoint_every + 1;
    const int64_t for_good = train.keep_every > 0 ? train.steps / train.keep_every : 0;
    const int64_t kept = int64_t(folder.checkpoints().size());
    const int64_t checkpoints = std::max<int64_t>(std::min(written, train.keep + for_good + 1 - kept), 1);
    constexpr int64_t log_line = 400; // with its TensorBoard event
    const int64_t grids = train.sample_every > 0 ? left / train.sample_every : 0;
    return checkpoints * cost.checkpoint_bytes + cost.prior_bytes + (left / train.log_every + 1) * log_line +
           2 * grids * cost.grid_bytes; // a PNG, and once more as an event
}

} // namespace

void dry_run(Trainer& trainer, const RunFolder& folder, const Configuration& configuration, bool json) {
    expect_usable(folder);
    const TrainingCost cost = trainer.measure(folder);
    const TrainConfig& train = configuration.train;
    const int64_t left = std::max<int64_t>(train.steps - cost.first_step, 0);
    const int64_t grids = train.sample_every > 0 ? left / train.sample_every : 0;
    const double seconds = double(left) * cost.seconds_per_step + double(grids) * cost.seconds_per_grid;
    const int64_t needed = disk_bytes(cost, folder, train);
    const auto available =
        int64_t(std::min<uintmax_t>(fs::space(existing_part(folder.path())).available, INT64_MAX));
    if (needed > available)
        throw Error(
            fmt::format("{}: the run may take {} on this disk, but {} are free; free some space, lower "
                        "train.keep or choose another --out",
                        folder.path().string(), size_text(needed), size_text(available)));
    if (json) {
        fmt::print("{}\n", nlohmann::json{{"dry_run", true},
                                          {"run", folder.path().string()},
                                          {"first_step", cost.first_step},
                                          {"steps_left", left},
                                          {"parameters", cost.parameters},
                                          {"parameter_bytes", cost.parameter_bytes},
                                          {"gradient_bytes", cost.parameter_bytes},
                                          {"moment_bytes", cost.moment_bytes},
                                          {"average_bytes", cost.parameter_bytes},
                                          {"activation_bytes", cost.activation_bytes},
                                          {"sampling_bytes", cost.sampling_bytes},
                                          {"peak_memory_bytes", cost.peak_bytes()},
                                          {"data_bytes", cost.data_bytes},
                                          {"seconds_per_step", cost.seconds_per_step},
                                          {"steps_timed", cost.steps_timed},
                                          {"seconds_per_grid", cost.seconds_per_grid},
                                          {"seconds", seconds},
                                          {"checkpoint_bytes", cost.checkpoint_bytes},
                                          {"disk_bytes", needed},
                                          {"disk_free_bytes", available}}
                               .dump());
        return;
    }
    const auto line = [](const char* name, const std::string& value) {
        fmt::print("{:<22} {}\n", name, value);
    };
    line("parameters", fmt::format("{}", cost.parameters));
    line("memory at the peak", size_text(cost.peak_bytes()));
    line("  parameters", size_text(cost.parameter_bytes));
    line("  gradients", size_text(cost.parameter_bytes));
    line("  moments", size_text(cost.moment_bytes));
    line("  average", size_text(cost.parameter_bytes));
    line("  activations", size_text(cost.activation_bytes));
    if (cost.sampling_bytes > 0) line("memory of a grid", size_text(cost.sampling_bytes));
    line("data set", cost.data_bytes > 0 ? size_text(cost.data_bytes) + ", in the machine's memory"
                                         : "not held in memory, decoded as it is needed");
    line("time a step", fmt::format("{:.4g} s, mean of {}", cost.seconds_per_step, cost.steps_timed));
    if (cost.sampling_bytes > 0) line("time of a grid", duration_text(cost.seconds_per_grid));
    line("time in all", fmt::format("{}, {} steps from {}", duration_text(seconds), left, cost.first_step));
    line("a checkpoint", size_text(cost.checkpoint_bytes));
    line("disk", fmt::format("up to {} of {} free", size_text(needed), size_text(available)));
    fmt::print("nothing was written\n");
}

} // namespace heat::tools
