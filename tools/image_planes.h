#pragma once

#include "engine/io/npy.h"
#include "engine/tensor.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace heat::tools {

/// N×rows×columns to N×columns×rows: pixels of channels to planes, and back.
template <class From, class To>
void transpose_images(const From* from, To* to, int64_t n, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t c = 0; c < columns; ++c)
                to[(i * columns + c) * rows + r] = To(from[(i * rows + r) * columns + c]);
}

/// The images of a NumPy array, N×C×H×W of any type that is read, as f32 N×H×W×C on a device. `name` stands
/// in messages. Throws Error for another rank or number of channels, or no images.
Tensor images_of_array(const NpyArray& array, const std::string& name, int64_t channels, Device device);

/// Writes f32 images N×H×W×C as a .npy file, N×C×H×W.
void write_image_planes(const std::filesystem::path& path, const Tensor& images);

} // namespace heat::tools
