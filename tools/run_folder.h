#pragma once

#include "tools/configuration.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace heat::tools {

/// One checkpoint: RUN/checkpoints/step-NNNNNNN/{model,ema,optimizer}.safetensors and state.json. It appears
/// under its name only when complete.
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
    std::filesystem::path samples() const { return path_ / "samples"; }
    std::filesystem::path prior() const { return path_ / "prior.safetensors"; }
    std::filesystem::path checkpoint_folder(int64_t step) const;

    /// Whether there is a config.toml.
    bool exists() const;
    /// Complete checkpoints, oldest first.
    std::vector<Checkpoint> checkpoints() const;
    /// The newest, or the one of `step`. Throws Error where there is none, saying which there are.
    Checkpoint checkpoint(std::optional<int64_t> step = std::nullopt) const;

    /// Makes the folder if needed, takes its lock until this object goes, and deletes what killed writers
    /// left behind. Throws Error where another process trains in it.
    void lock();
    /// Deletes all but the newest `keep` checkpoints.
    void thin(int64_t keep) const;

    ~RunFolder();
    RunFolder(const RunFolder&) = delete;
    RunFolder& operator=(const RunFolder&) = delete;

private:
    void remove_leftovers() const;

    std::filesystem::path path_;
    int lock_ = -1;
};

/// The configuration of a CONFIG.toml or of a RUN folder, with settings applied.
Configuration configuration_of(const std::filesystem::path& config_or_run,
                               const std::vector<std::string>& settings);

} // namespace heat::tools
