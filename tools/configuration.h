#pragma once

#include "engine/optimizer.h"
#include "nets/unet_config.h"
#include "processes/factory.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace heat::tools {

struct DataConfig {
    std::string path;
    std::string format = "auto";
    int height = 28, width = 28, channels = 1;
    std::string resize = "crop"; ///< images of another size: scaled and cropped, or refused ("none")
    bool flip = false;           ///< mirror half of the training images
    int64_t memory_limit = 4096; ///< MiB of decoded images that are held in memory
};

struct TrainConfig {
    int64_t steps = 10000; ///< optimiser updates
    int64_t batch = 64;
    int64_t seed = 0;
    std::string dtype = "auto"; ///< of activations: f32, bf16, or bf16 where the machine is faster in it
    bool strict_f32 = false;    ///< on a GPU: no TF32 in products of f32
    bool deterministic = false; ///< on a GPU: only algorithms that give the same bits in each run
    std::string timestep_sampling = "uniform"; ///< levels drawn uniformly, or by "importance"
    OptimizerOptions optimizer;
    int64_t log_every = 50;
    int64_t checkpoint_every = 1000;
    int64_t keep = 2;         ///< newest checkpoints kept
    int64_t keep_every = 0;   ///< > 0: and those whose step is a multiple of this
    int64_t sample_every = 0; ///< 0: never
    int64_t sample_count = 64;
    double label_dropout = 0; ///< probability that a label is replaced by the null class
};

/// What `engine sample` does unless told otherwise.
struct SampleConfig {
    std::string solver;  ///< empty: the process's own default
    int64_t steps = 0;   ///< 0: every level
    std::string spacing; ///< of the levels; empty: leading
    std::optional<bool> clip =
        {}; ///< limit the estimate of the image to the data range; empty: the process's
    processes::SamplerOptions options; ///< of the solver
};

/// One experiment: all that a TOML file in configs/ says.
struct Configuration {
    DataConfig data;
    nets::UNetConfig network;
    std::optional<int> out_channels = {}; ///< network.out_channels; empty: those of the data
    processes::ProcessConfig process;
    TrainConfig train;
    SampleConfig sample;
};

/// Where a file comes from: written by hand, or by this program (any version of it) into a run folder.
enum class ConfigurationSource { user, run };

/// Reads a TOML file and then `section.key=value` settings, in order. Missing keys keep their defaults.
/// Throws Error in one line for a file that is missing or no TOML, an unknown key (naming the nearest), a
/// wrong type or an impossible value.
Configuration read_configuration(const std::filesystem::path& path,
                                 const std::vector<std::string>& settings = {},
                                 ConfigurationSource source = ConfigurationSource::user);

/// Every key there is, "train.steps".
std::vector<std::string> configuration_keys();

/// The configuration as TOML, every key written out; read_configuration gives it back.
std::string to_toml(const Configuration& configuration);

} // namespace heat::tools
