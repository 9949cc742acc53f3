#include "tools/diffusers_folder.h"

#include "engine/checkpoint.h"
#include "engine/io/file.h"
#include "kernels/error.h"
#include "tools/diffusers_network.h"
#include "tools/diffusers_scheduler.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

const std::string weights_name = "diffusion_pytorch_model.safetensors";

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

/// The second of a component's ["library", "class"]; empty where it has none.
std::string component_class(JsonSettings& index, const std::string& name) {
    const json& component = index.value(name);
    if (component.is_null()) return "";
    if (!component.is_array() || component.size() != 2) index.refuse(name, "expected [library, class]");
    if (component[1].is_null()) return "";
    if (!component[1].is_string()) index.refuse(name, "expected [library, class]");
    return component[1].get<std::string>();
}

fs::path weights_of(const fs::path& network) {
    const fs::path weights = network / weights_name;
    if (is_there(weights)) return weights;
    if (is_there(network / (weights_name + ".index.json")))
        throw Error(fmt::format("{}: weights in several files are not supported: save them as one, with "
                                "save_pretrained(…, max_shard_size=\"100GB\")",
                                network.string()));
    if (is_there(network / "diffusion_pytorch_model.bin"))
        throw Error(fmt::format("{}: only weights as safetensors are read, not the pickled "
                                "diffusion_pytorch_model.bin: save them with save_pretrained(…, "
                                "safe_serialization=True)",
                                network.string()));
    throw Error(fmt::format("{}: no {} in it", network.string(), weights_name));
}

/// `name` in a folder of its own or at the root; empty where it is in neither.
fs::path component_file(const fs::path& folder, const std::string& component, const std::string& name) {
    for (const fs::path& path : {folder / component / name, folder / name})
        if (is_there(path)) return path;
    return {};
}

} // namespace

DiffusersFolder read_diffusers_folder(const fs::path& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error))
        throw Error(
            fmt::format("{}: no folder: expected a diffusers pipeline, or a UNet2DModel with config.json "
                        "and {}",
                        folder.string(), weights_name));
    DiffusersFolder read;
    const bool pipeline = is_there(folder / "model_index.json");
    if (pipeline) {
        JsonSettings index(folder / "model_index.json");
        if (const std::string network = component_class(index, "unet"); network != "UNet2DModel")
            throw Error(fmt::format("{}: its unet is {}: only pipelines of a UNet2DModel are supported",
                                    index.name(), network.empty() ? "missing" : network));
        read.scheduler = component_class(index, "scheduler");
        index.expect_all_known(); // a further network or encoder
    }
    const fs::path network = component_file(folder, "unet", "config.json");
    if (network.empty())
        throw Error(
            fmt::format("{}: no unet/config.json or config.json in it: expected a diffusers pipeline, or "
                        "a UNet2DModel",
                        folder.string()));
    JsonSettings settings(network);
    read_diffusers_network(settings, read.configuration);
    read.weights = weights_of(network.parent_path());

    const fs::path scheduler = component_file(folder, "scheduler", "scheduler_config.json");
    if (!scheduler.empty()) {
        JsonSettings scheduler_settings(scheduler);
        if (read.scheduler.empty()) read.scheduler = scheduler_settings.text("_class_name", "");
        read.remarks = read_diffusers_scheduler(scheduler_settings, read.scheduler, read.configuration);
        const nets::UNetConfig& unet = read.configuration.network;
        if (read.configuration.process.variance == "learned" && unet.out_channels != 2 * unet.in_channels)
            throw Error(
                fmt::format("{}: variance_type learned_range takes {} out_channels of the network, not {}",
                            scheduler_settings.name(), 2 * unet.in_channels, unet.out_channels));
    } else if (pipeline) {
        throw Error(
            fmt::format("{}: no scheduler/scheduler_config.json or scheduler_config.json in it, which its "
                        "model_index.json names",
                        folder.string()));
    } else {
        read.remarks.push_back(
            fmt::format("{}: no scheduler in it: taken for 1000 steps of the linear schedule "
                        "that predict epsilon",
                        folder.string()));
    }
    return read;
}

void write_diffusers_network(const fs::path& folder, const Configuration& configuration,
                             ParameterStore& store) {
    write_file_atomically(folder / "config.json", diffusers_network(configuration).dump(2) + "\n");
    save_parameters(folder / weights_name, store, store.values());
}

void write_diffusers_pipeline(const fs::path& folder, const Configuration& configuration,
                              ParameterStore& store) {
    const json scheduler = diffusers_scheduler(configuration);
    const nets::UNetConfig& unet = configuration.network;
    const int outputs = configuration.process.variance == "learned" ? 2 : 1;
    if (unet.classes > 0 || unet.out_channels != outputs * unet.in_channels)
        throw Error(
            "diffusers' DDPM and DDIM pipelines take no networks with classes, or with other channels out "
            "than in: --unet-only exports the network alone");
    const std::string scheduler_class = scheduler["_class_name"];
    for (const char* component : {"unet", "scheduler"}) {
        std::error_code error;
        fs::create_directory(folder / component, error);
        if (error)
            throw Error(
                fmt::format("cannot make folder {}: {}", (folder / component).string(), error.message()));
    }
    const json index{{"_class_name", scheduler_class == "DDIMScheduler" ? "DDIMPipeline" : "DDPMPipeline"},
                     {"_diffusers_version", diffusers_version},
                     {"unet", {"diffusers", "UNet2DModel"}},
                     {"scheduler", {"diffusers", scheduler_class}}};
    write_file_atomically(folder / "model_index.json", index.dump(2) + "\n");
    write_file_atomically(folder / "scheduler" / "scheduler_config.json", scheduler.dump(2) + "\n");
    write_diffusers_network(folder / "unet", configuration, store);
}

} // namespace heat::tools
