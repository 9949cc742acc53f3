#pragma once

#include "engine/parameters.h"
#include "tools/configuration.h"

#include <filesystem>
#include <string>
#include <vector>

namespace heat::tools {

/// The version of the package whose formats are written.
inline constexpr const char* diffusers_version = "0.42.1";

/// A folder that diffusers wrote: a pipeline of a UNet2DModel and a scheduler (model_index.json; both in
/// folders of their own or at its root), or a UNet2DModel alone.
struct DiffusersFolder {
    Configuration configuration; ///< network, image size, process, sampling; the rest as it is by default
    std::filesystem::path weights;
    std::string scheduler;            ///< class name; empty where the folder has none
    std::vector<std::string> remarks; ///< what will be otherwise than there
};

/// Reads its configurations. Throws Error, in one line, for what is missing or not supported.
DiffusersFolder read_diffusers_folder(const std::filesystem::path& folder);

/// Reads a UNet2DModel's weights (F32, F16, BF16 or F64 safetensors; attention under its present or its
/// former names) into the values of a store. Throws Error where a tensor is missing, left over, of another
/// shape or not finite; the store is then untouched.
void load_diffusers_weights(const std::filesystem::path& file, ParameterStore& store);

/// Writes a store's values and a configuration's network as a UNet2DModel: config.json and weights, F32.
void write_diffusers_network(const std::filesystem::path& folder, const Configuration& configuration,
                             ParameterStore& store);
/// Writes a pipeline: model_index.json, unet/, scheduler/. Throws Error for what diffusers has no counterpart
/// for.
void write_diffusers_pipeline(const std::filesystem::path& folder, const Configuration& configuration,
                              ParameterStore& store);

} // namespace heat::tools
