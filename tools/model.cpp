#include "tools/model.h"

#include "engine/checkpoint.h"
#include "engine/machine.h"
#include "kernels/error.h"
#include "tools/memory_estimate.h"
#include "tools/run_checkpoint.h"

#include <fmt/format.h>

namespace heat::tools {

Dtype activation_dtype(const std::string& name, Device device) {
    if (name == "f32") return Dtype::f32;
    if (name == "bf16") return Dtype::bf16;
    if (name != "auto") throw Error(fmt::format("dtype is auto, f32 or bf16, got \"{}\"", name));
    return bf16_is_faster(device) ? Dtype::bf16 : Dtype::f32;
}

Model::Model(const Configuration& configuration, Device device)
    : network(configuration.network, store), dtype(activation_dtype(configuration.train.dtype, device)) {
    store.allocate(device, uint64_t(configuration.train.seed));
}

std::optional<int32_t> checked_label(const nets::UNetConfig& network, std::optional<int64_t> label) {
    if (network.classes == 0) {
        if (label) throw Error("this network has no classes: leave --label out");
        return std::nullopt;
    }
    if (!label || *label < 0 || *label >= network.classes)
        throw Error(fmt::format("this network has {} classes: choose one with --label 0 to {}{}",
                                network.classes, network.classes - 1,
                                label ? fmt::format(", not {}", *label) : ""));
    return int32_t(*label);
}

Tensor ModelDenoiser::predict(const Tensor& x, const Tensor& timesteps) {
    const NoGradient none;
    std::vector<int32_t> labels;
    if (label_) labels.assign(size_t(x.shape()[0]), *label_);
    return model_.network
        .forward(Variable(x), timesteps,
                 {.dtype = model_.dtype, .dropout = nullptr, .image_offset = 0, .labels = labels})
        .value();
}

std::unique_ptr<processes::Process> make_process(const Configuration& configuration, Device device) {
    const DataConfig& data = configuration.data;
    return processes::make_process(configuration.process, {data.height, data.width, data.channels}, device);
}

TrainedRun load_network(const std::filesystem::path& folder, Device device, const std::string& weights,
                        std::optional<int64_t> step, const std::string& dtype) {
    if (weights != "ema" && weights != "model")
        throw Error(fmt::format("weights are ema or model, got \"{}\"", weights));
    const RunFolder run(folder);
    TrainedRun trained;
    trained.checkpoint = sound_checkpoint(run, step, weights + ".safetensors");
    trained.configuration = run.configuration();
    if (!dtype.empty()) trained.configuration.train.dtype = dtype;
    expect_memory_to_sample(trained.configuration, 1, 1);
    trained.model = std::make_unique<Model>(trained.configuration, device);
    load_parameters(trained.checkpoint.folder / (weights + ".safetensors"), trained.model->store,
                    trained.model->store.values());
    return trained;
}

TrainedRun load_run(const std::filesystem::path& folder, Device device, const std::string& weights,
                    std::optional<int64_t> step, const std::string& dtype) {
    TrainedRun trained = load_network(folder, device, weights, step, dtype);
    trained.process = make_process(trained.configuration, device);
    if (trained.process->needs_prior()) trained.process->set_prior(load_tensors(RunFolder(folder).prior()));
    return trained;
}

} // namespace heat::tools
