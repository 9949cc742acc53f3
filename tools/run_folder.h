#pragma once

#include "tools/configuration.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace heat::tools {

/// One checkpoint: RUN/checkpoints/step-NNNNNNN/{model,ema,optimizer}.safetensors and state.json. It appears
/// under its name only when complete, and loses its name before anything of it is deleted.
struct Checkpoint {
    std::filesystem::path folder;
    int64_t step = 0;
};

/// The folder of one training run: config.toml, checkpoints/, metrics.jsonl, samples/, prior.safetensors.
/// Everything that sampling needs is inside.
class RunFolder {
public:
    explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path config() const { return path_ / "config.toml"; }
    std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
    std::filesystem::path events() const { return path_ / "tensorboard" / "events.out.tfevents.engine"; }
    std::filesystem::path samples() const { return path_ / "samples"; }
    std::filesystem::path prior() const { return path_ / "prior.safetensors"; }
    std::filesystem::path checkpoint_folder(int64_t step) const;
    /// Where this process puts a checkpoint together.
    std::filesystem::path unfinished_folder() const;

    /// Whether there is a config.toml.
    bool exists() const;
    /// The run's configuration. Throws Error naming the file where it is none; it may be a newer version's.
    Configuration configuration() const;
    /// Checkpoints, oldest first, sound or damaged. Throws Error where the folder cannot be read.
    std::vector<Checkpoint> checkpoints() const;
    /// The newest, or the one of `step`. Throws Error where there is none, saying which there are.
    Checkpoint checkpoint(std::optional<int64_t> step = std::nullopt) const;

    /// Makes the folder if needed, takes its lock until this object goes, and deletes what killed writers
    /// left behind. Once locked, it does nothing. Throws Error where another process trains in it, or where
    /// the file system has no locks.
    void lock();
    /// From here on the folder holds a run. Without this call the destructor removes what was written to a
    /// folder that held none, the folder too where lock() made it.
    void begin() { begun_ = true; }
    /// Deletes checkpoints but for the newest `keep` and, where keep_every > 0, those whose step is a
    /// multiple of it.
    void thin(int64_t keep, int64_t keep_every) const;

    ~RunFolder();
    RunFolder(const RunFolder&) = delete;
    RunFolder& operator=(const RunFolder&) = delete;

private:
    void make();
    void remove_leftovers() const;
    void remove_beginning() const;

    std::filesystem::path path_;
    int lock_ = -1;
    bool begun_ = false;
    std::vector<std::filesystem::path> made_; ///< folders lock() made, outermost first
    std::vector<std::filesystem::path> new_;  ///< files of a run that were not there before lock()
};

/// The configuration of a CONFIG.toml or of a RUN folder, with settings applied.
Configuration configuration_of(const std::filesystem::path& config_or_run,
                               const std::vector<std::string>& settings);

} // namespace heat::tools
