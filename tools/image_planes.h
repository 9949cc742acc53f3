#pragma once

#include "engine/io/npy.h"
#include "engine/tensor.h"

#include <filesystem>
#include <string>

namespace heat::tools {

/// The images of a NumPy array, N×C×H×W of any type that is read, as f32 N×H×W×C on a device. `name` stands
/// in messages. Throws Error for another rank or number of channels, or no images.
Tensor images_of_array(const NpyArray& array, const std::string& name, int64_t channels, Device device);

/// Writes f32 images N×H×W×C as a .npy file, N×C×H×W.
void write_image_array(const std::filesystem::path& path, const Tensor& images);

} // namespace heat::tools
