#pragma once

#include "engine/optimizer.h"

#include <filesystem>
#include <map>
#include <string>

namespace heat {

/// Writes one flat array of a store (its values, an EMA) as safetensors: F32, each parameter under its name
/// in file layout (convolutions OIHW). Written aside and renamed. Throws Error naming the path.
void save_parameters(const std::filesystem::path& path, const ParameterStore& store, const Tensor& flat);

/// Reads what save_parameters wrote into a flat array of a store. Throws Error where a name, shape or type is
/// missing, left over or different: a checkpoint of another architecture is refused whole, and `flat` is
/// untouched.
void load_parameters(const std::filesystem::path& path, ParameterStore& store, Tensor& flat);

/// The optimiser's moments, under first_moment.<name> and second_moment.<name>, in file layout.
void save_moments(const std::filesystem::path& path, const ParameterStore& store, Optimizer& optimizer);
void load_moments(const std::filesystem::path& path, ParameterStore& store, Optimizer& optimizer);

/// Named f32 or i32 tensors of any kind (a process's prior), shapes as they are.
void save_tensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors);
std::map<std::string, Tensor> load_tensors(const std::filesystem::path& path);

} // namespace heat
