#include "tools/image_planes.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <vector>

namespace heat::tools {
namespace {

std::vector<float> transposed(const std::vector<float>& from, int64_t n, int64_t rows, int64_t columns) {
    std::vector<float> to(from.size());
    transpose_images(from.data(), to.data(), n, rows, columns);
    return to;
}

} // namespace

Tensor images_of_array(const NpyArray& array, const std::string& name, int64_t channels, Device device) {
    const std::vector<int64_t>& s = array.shape;
    if (s.size() != 4 || s[1] != channels || s[0] < 1)
        throw Error(fmt::format("{}: expected an array N×{}×H×W, got {}", name, channels, Shape(s).text()));
    return Tensor::from_host(Shape{s[0], s[2], s[3], channels},
                             transposed(npy_to_f32(array), s[0], channels, s[2] * s[3]), device);
}

void write_image_planes(const std::filesystem::path& path, const Tensor& images) {
    const Shape& s = images.shape();
    const std::vector<float> values = transposed(images.to_host(), s[0], s[1] * s[2], s[3]);
    write_npy(path, NpyView({s[0], s[3], s[1], s[2]}, values));
}

} // namespace heat::tools
