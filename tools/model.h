#pragma once

#include "nets/unet.h"
#include "processes/denoiser.h"
#include "tools/run_folder.h"

#include <memory>

namespace heat::tools {

/// The network of a configuration with its parameters on a device.
class Model {
public:
    /// Initialised from the configuration's seed.
    Model(const Configuration& configuration, Device device);

    ParameterStore store;
    nets::UNet network;
    Dtype dtype; ///< of activations
};

/// "auto" is bf16 where that is faster on the device, f32 otherwise.
Dtype activation_dtype(const std::string& name, Device device);

/// The network as a process sees it, for sampling: no gradients, no dropout.
class ModelDenoiser final : public processes::Denoiser {
public:
    explicit ModelDenoiser(const Model& model) : model_(model) {}
    Tensor predict(const Tensor& x, const Tensor& timesteps) override;
    bool capturable() const override { return true; }

private:
    const Model& model_;
};

/// A trained run, ready to sample: configuration, process with its prior, network with the weights of a
/// checkpoint.
struct TrainedRun {
    Configuration configuration;
    Checkpoint checkpoint;
    std::unique_ptr<processes::Process> process;
    std::unique_ptr<Model> model;
};

/// Loads a run folder. `weights` is "ema" or "model"; step: a certain checkpoint instead of the newest;
/// dtype: instead of the configuration's. Throws Error for what is missing or does not fit.
TrainedRun load_run(const std::filesystem::path& folder, Device device, const std::string& weights = "ema",
                    std::optional<int64_t> step = std::nullopt, const std::string& dtype = "");

std::unique_ptr<processes::Process> make_process(const Configuration& configuration, Device device);

} // namespace heat::tools
