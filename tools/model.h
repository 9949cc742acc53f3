#pragma once

#include "nets/unet.h"
#include "processes/denoiser.h"
#include "tools/run_folder.h"

#include <memory>
#include <optional>

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

/// A label for networks with classes. Throws Error where the network has none, or has classes and there is no
/// label, or one out of range, naming --label.
std::optional<int32_t> checked_label(const nets::UNetConfig& network, std::optional<int64_t> label);

/// The network as a process sees it, for sampling: no gradients, no dropout, one class for all images.
class ModelDenoiser final : public processes::Denoiser {
public:
    explicit ModelDenoiser(const Model& model, std::optional<int32_t> label = std::nullopt)
        : model_(model), label_(label) {}
    Tensor predict(const Tensor& x, const Tensor& timesteps) override;
    /// A class is brought from the host in each call, which no graph can do.
    bool capturable() const override { return !label_; }

private:
    const Model& model_;
    std::optional<int32_t> label_;
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

/// The same without the process, which is null: for one call of the network.
TrainedRun load_network(const std::filesystem::path& folder, Device device,
                        const std::string& weights = "ema", std::optional<int64_t> step = std::nullopt,
                        const std::string& dtype = "");

std::unique_ptr<processes::Process> make_process(const Configuration& configuration, Device device);

} // namespace heat::tools
