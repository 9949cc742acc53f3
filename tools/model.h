#pragma once

#include "nets/unet.h"
#include "processes/class_labels.h"
#include "processes/denoiser.h"
#include "processes/guidance.h"
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

/// The labels for a network, checked. Throws Error where it has no classes, or has classes and there is no
/// label, or one out of range, naming --label.
processes::ClassLabels checked_labels(const nets::UNetConfig& network, std::vector<int32_t> labels);
/// Each class in turn, for pictures that show them all; none where the network has no classes.
processes::ClassLabels every_class(const nets::UNetConfig& network);

/// The network as a process sees it, for sampling: no gradients, no dropout. Its classes lie in device
/// memory, so that its calls can be captured.
class ModelDenoiser final : public processes::ClassDenoiser {
public:
    explicit ModelDenoiser(const Model& model, processes::ClassLabels labels = {})
        : model_(model), labels_(std::move(labels)) {}
    void begin_batch(uint32_t first_image, int64_t count) override;
    Tensor predict(const Tensor& x, const Tensor& timesteps) override;
    Tensor predict_classes(const Tensor& x, const Tensor& timesteps, const Tensor& labels) override;
    bool capturable() const override { return true; }

private:
    const Model& model_;
    processes::ClassLabels labels_;
    Tensor batch_labels_; ///< of the batch that was begun
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
