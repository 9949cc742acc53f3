#include "tools/model.h"

#include "engine/checkpoint.h"
#include "engine/machine.h"
#include "kernels/error.h"
#include "tools/memory_estimate.h"
#include "tools/run_checkpoint.h"

#include <fmt/format.h>

#include <numeric>

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

processes::ClassLabels checked_labels(const nets::UNetConfig& network, std::vector<int32_t> labels) {
    if (network.classes == 0) {
        if (!labels.empty()) throw Error("this network has no classes: leave --label out");
        return {};
    }
    const std::string range = fmt::format("this network has {} classes: choose one with --label 0 to {}",
                                          network.classes, network.classes - 1);
    if (labels.empty()) throw Error(range);
    for (const int32_t label : labels)
        if (label < 0 || label >= network.classes) throw Error(fmt::format("{}, not {}", range, label));
    return processes::ClassLabels(std::move(labels));
}

processes::ClassLabels every_class(const nets::UNetConfig& network) {
    std::vector<int32_t> labels(size_t(network.classes));
    std::iota(labels.begin(), labels.end(), 0);
    return processes::ClassLabels(std::move(labels));
}

void ModelDenoiser::begin_batch(uint32_t first_image, int64_t count) {
    if (!labels_.empty())
        batch_labels_ = labels_.of(first_image, count, model_.store.parameter(0).value().device());
}

Tensor ModelDenoiser::predict(const Tensor& x, const Tensor& timesteps) {
    if (!labels_.empty() && (!batch_labels_.defined() || batch_labels_.count() != x.shape()[0]))
        begin_batch(0, x.shape()[0]);
    return predict_classes(x, timesteps, batch_labels_);
}

Tensor ModelDenoiser::predict_classes(const Tensor& x, const Tensor& timesteps, const Tensor& labels) {
    const NoGradient none;
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
    if (trained.process->needs_prior() && !trained.configuration.network.is_classifier())
        trained.process->set_prior(load_tensors(RunFolder(folder).prior()));
    return trained;
}

} // namespace heat::tools
