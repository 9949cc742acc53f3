#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace heat::tools {

/// Images N×H×W×C in f64, whatever their file held.
struct ImageArray {
    int64_t count = 0, height = 0, width = 0, channels = 0;
    std::vector<double> values;
    bool is_f64 = false; ///< whether the file had f64

    int64_t elements() const { return count * height * width * channels; }
};

/// Reads a .npy array N×C×H×W of f32 or f64, or a PNG or JPEG image with values 0..1, told apart by their
/// content. Throws Error, naming the path, for another type or rank, an empty array, and what is not finite.
ImageArray read_image_array(const std::filesystem::path& path);

/// Writes .npy, N×C×H×W of f32 or f64 as is_f64 says, or .png, with 0..1 black to white and what is outside
/// clamped; several images as a grid. Returns how many values were clamped. Throws Error for another
/// extension, and for a PNG of other than 1 or 3 channels.
int64_t write_image_array(const std::filesystem::path& path, const ImageArray& images);

/// Throws the Error that write_image_array would throw for the name and these channels, before any work.
void check_output_name(const std::filesystem::path& path, int64_t channels);

} // namespace heat::tools
